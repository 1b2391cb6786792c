"""The quick starts of the READMEs, run as they stand: from a folder of pictures to a picture."""

import json
import re
import shutil
from pathlib import Path

import httpx
import pytest

from scripts.typescript import BUILT, CLIENT
from tests.system.conftest import Running
from tests.typescript.client import compile_strictly, install, output_of

pytestmark = pytest.mark.processes


@pytest.fixture
def folder(running_system: Running, tmp_path: Path) -> Path:
    """Where somebody has pictures of Jane, beside what ``make dev`` writes."""
    (tmp_path / "jane").mkdir()
    for picture in running_system.people["Eileen"][:2]:
        shutil.copy(picture, tmp_path / "jane")
    (tmp_path / ".local").mkdir()
    system = running_system.system
    said = {"apiUrl": system.api_url, "token": system.token}
    (tmp_path / ".local" / "dev.json").write_text(json.dumps(said), encoding="utf-8")
    return tmp_path


def test_in_typescript(folder: Path) -> None:
    install(folder)
    (folder / "quickstart.ts").write_text(program("ts", CLIENT / "README.md"), encoding="utf-8")
    types = ("--typeRoots", str(BUILT / "node_modules" / "@types"), "--types", "node", "--skipLibCheck")
    compile_strictly("quickstart.ts", *types, cwd=folder)
    assert_links_to_a_picture(output_of("node", "quickstart.js", cwd=folder))


def program(language: str, page: Path) -> str:
    """The first program of a page in a language."""
    return page.read_text(encoding="utf-8").partition(f"```{language}\n")[2].partition("```")[0]


def assert_links_to_a_picture(said: str) -> None:
    found = re.search(r"https?://[^\s'\"]+", said)
    assert found, said
    picture = httpx.get(found.group())
    assert picture.headers["Content-Type"].startswith("image/"), said
