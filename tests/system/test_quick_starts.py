"""The quick starts of the READMEs, run as they stand: from a folder of pictures to a picture."""

import json
import re
import shutil
import sys
from pathlib import Path

import httpx
import pytest

from benchmarks.first_hour import program
from scripts.typescript import BUILT, CLIENT
from tests.system.conftest import Running
from tests.typescript.client import compile_strictly, install, output_of

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
README, PYTHON_CLIENT = ROOT / "README.md", ROOT / "client"


@pytest.fixture
def folder(running_system: Running, tmp_path: Path) -> Path:
    """Where somebody has pictures of Jane, beside what ``make dev`` writes."""
    (tmp_path / "jane").mkdir()
    for number, picture in enumerate(running_system.people["Eileen"][:2], start=1):
        shutil.copy(picture, tmp_path / "jane" / f"{number}.jpg")
    (tmp_path / ".local").mkdir()
    system = running_system.system
    said = {"apiUrl": system.api_url, "token": system.token}
    (tmp_path / ".local" / "dev.json").write_text(json.dumps(said), encoding="utf-8")
    return tmp_path


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with nothing but the Python client, installed as its README says."""
    folder = tmp_path_factory.mktemp("environment")
    output_of(sys.executable, "-m", "venv", "--without-pip", str(folder), cwd=folder)
    words = ("install", "--quiet", "--disable-pip-version-check", "--retries", "1", str(PYTHON_CLIENT))
    output_of(sys.executable, "-m", "pip", "--python", str(folder / "bin" / "python"), *words, cwd=folder)
    return folder / "bin"


def test_in_python(environment: Path, folder: Path) -> None:
    (folder / "quickstart.py").write_text(program("python", README), encoding="utf-8")
    said = output_of(str(environment / "python"), "quickstart.py", cwd=folder)
    assert "Progress(stage='upload', done=2, total=2)" in said
    assert_links_to_a_picture(said)


def test_by_commands(environment: Path, folder: Path) -> None:
    command = str(environment / "character-identity")
    words = ("create", "Jane", "jane", "--provider", "fal-instant", "--json")
    made = json.loads(output_of(command, *words, cwd=folder))
    output_of(command, "generate", made["characterId"], "Jane on a boat", "--output", "out", cwd=folder)
    [picture] = (folder / "out").iterdir()
    said = output_of(command, "score", str(picture), "--identity", made["characterId"], cwd=folder)
    assert said.startswith(f"{picture}  ")


def test_a_users_file_passes_strict_types_against_what_is_installed(
    environment: Path, tmp_path: Path
) -> None:
    shutil.copy(ROOT / "tests" / "client" / "user.py", tmp_path)
    options = ("--strict", "--config-file=", "--python-executable", str(environment / "python"))
    output_of(sys.executable, "-m", "mypy", *options, "user.py", cwd=tmp_path)


def test_in_typescript(folder: Path) -> None:
    install(folder)
    (folder / "quickstart.ts").write_text(program("ts", README), encoding="utf-8")
    types = ("--typeRoots", str(BUILT / "node_modules" / "@types"), "--types", "node", "--skipLibCheck")
    compile_strictly("quickstart.ts", *types, cwd=folder)
    assert_links_to_a_picture(output_of("node", "quickstart.js", cwd=folder))


def test_with_curl(folder: Path) -> None:
    assert shutil.which("jq"), "curl and jq are needed; .ci/run installs them"
    assert_links_to_a_picture(output_of("sh", "-euc", program("sh", README), cwd=folder))


@pytest.mark.parametrize(("language", "client"), [("python", PYTHON_CLIENT), ("ts", CLIENT)])
def test_a_client_has_its_quick_start_in_its_own_readme_too(language: str, client: Path) -> None:
    assert program(language, client / "README.md") == program(language, README)


def assert_links_to_a_picture(said: str) -> None:
    found = re.search(r"https?://[^\s'\"]+", said)
    assert found, said
    picture = httpx.get(found.group())
    assert picture.headers["Content-Type"].startswith("image/"), said
