"""The layers, built from a small package and from wheels that the tests make: no index, no network."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from scripts.build_layers import (
    CORE,
    EVALUATION,
    REQUIREMENTS,
    SIGNING,
    build_layers,
    core_layer,
    dependency_layer,
)
from tests.support.ports import closed_port
from tests.support.waiting import HANGS_AFTER_S

RUNNING = f"{sys.version_info.major}.{sys.version_info.minor}"
OTHER = "3.12" if RUNNING != "3.12" else "3.13"
UNCHECKED_HASH = (1).to_bytes(4, "little")  # the flags of PEP 552, after the magic number

pytestmark = pytest.mark.processes


def _wheel(folder: Path, name: str, tag: str, source: str) -> str:
    """Write a wheel; the option by which a requirement takes it and no other."""
    metadata = f"{name}-1.0.dist-info"
    path = folder / f"{name}-1.0-{tag}.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}.py", source)
        wheel.writestr(f"{metadata}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{metadata}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{metadata}/RECORD", "")
    return f"--hash=sha256:{sha256(path.read_bytes()).hexdigest()}"


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    """Pins of one package with a wheel for each machine, and of nothing else."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    hashes = [
        _wheel(wheels, "tiny", tag, source)
        for tag, source in (
            ("cp313-cp313-manylinux_2_28_aarch64", "BUILT_FOR = 'arm64'\n"),
            ("cp313-cp313-manylinux2014_x86_64", "BUILT_FOR = 'x86_64'\n"),
            ("cp312-cp312-manylinux2014_x86_64", "BUILT_FOR = 'x86_64, Python 3.12'\n"),
        )
    ]
    path = tmp_path / "dependencies" / "requirements.txt"
    path.parent.mkdir()
    path.write_text(f"--no-index\n--find-links {wheels}\ntiny==1.0 {' '.join(hashes)}\n")
    return path


@pytest.fixture
def pure(tmp_path: Path) -> Path:
    """The pin of one package that runs anywhere."""
    pinned = _wheel(tmp_path, "pure", "py3-none-any", "NUMBERS = frozenset({'one', 'two', 'three'})\n")
    path = tmp_path / "requirements.txt"
    path.write_text(f"--no-index\n--find-links {tmp_path}\npure==1.0 {pinned}\n")
    return path


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A package of ours, with what running it leaves behind."""
    package = tmp_path / "core" / "python" / "ours"
    (package / "__pycache__").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "words.py").write_text(
        "from enum import Enum\n\n\nclass Word(Enum):\n    ONE = 'one'\n\n\n"
        "def is_known(word):\n    return word in {'one', 'two', 'three'}\n"
    )
    (package / "page.html").write_text("<p>")
    (package / "__pycache__" / "gone.cpython-399.pyc").write_text("made by running")
    return tmp_path / "core"


def files(layer: Path) -> Mapping[str, bytes]:
    return {str(path.relative_to(layer)): path.read_bytes() for path in layer.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("architecture", "python", "expected"),
    [("arm64", "3.13", "arm64"), ("x86_64", "3.13", "x86_64"), ("x86_64", "3.12", "x86_64, Python 3.12")],
)
def test_packages_are_built_for_the_machine_and_the_python_that_will_run_them(
    requirements: Path, tmp_path: Path, architecture: str, python: str, expected: str
) -> None:
    layer = dependency_layer(architecture, python, requirements=requirements, layers=tmp_path / "layers")
    assert (layer / "python" / "tiny.py").read_text() == f"BUILT_FOR = '{expected}'\n"


def test_a_layer_that_is_there_is_used_again_without_the_wheels(requirements: Path, tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    first = dependency_layer("x86_64", requirements=requirements, layers=layers)
    for wheel in (tmp_path / "wheels").iterdir():
        wheel.unlink()
    assert dependency_layer("x86_64", requirements=requirements, layers=layers) == first
    assert [path.name for path in layers.iterdir()] == [first.name]


def test_changed_requirements_make_another_layer(requirements: Path, tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    first = dependency_layer("x86_64", requirements=requirements, layers=layers)
    requirements.write_text(f"# changed\n{requirements.read_text()}")
    assert dependency_layer("x86_64", requirements=requirements, layers=layers) != first


def test_a_build_that_fails_says_why_and_leaves_nothing_behind(requirements: Path, tmp_path: Path) -> None:
    requirements.write_text(f"{requirements.read_text()}absent==1.0 --hash=sha256:{0:064}\n")
    layers = tmp_path / "layers"
    with pytest.raises(RuntimeError, match="absent"):
        dependency_layer("x86_64", requirements=requirements, layers=layers)
    assert list(layers.iterdir()) == []


def test_without_a_network_one_sentence_says_so(
    requirements: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements.write_text(f"absent==1.0 --hash=sha256:{0:064}\n")
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed_port()}/simple")
    with pytest.raises(RuntimeError, match=r"^No package index answers for .*; connect .* and try again\.$"):
        dependency_layer("x86_64", requirements=requirements, layers=tmp_path / "layers")


def test_a_wheel_that_is_not_the_locked_one_is_refused(requirements: Path, tmp_path: Path) -> None:
    _wheel(tmp_path / "wheels", "tiny", "cp313-cp313-manylinux2014_x86_64", "BUILT_FOR = 'somebody else'\n")
    with pytest.raises(RuntimeError, match="DO NOT MATCH THE HASHES"):
        dependency_layer("x86_64", "3.13", requirements=requirements, layers=tmp_path / "layers")


def test_a_requirement_without_a_hash_is_refused(requirements: Path, tmp_path: Path) -> None:
    requirements.write_text(requirements.read_text().partition(" --hash")[0])
    with pytest.raises(RuntimeError, match="Hashes are required"):
        dependency_layer("x86_64", "3.13", requirements=requirements, layers=tmp_path / "layers")


def test_our_layer_is_the_sources_and_their_bytecode(source: Path, tmp_path: Path) -> None:
    layer = core_layer(RUNNING, source=source, layers=tmp_path / "layers")
    tag = sys.implementation.cache_tag
    package = "python/ours"
    assert files(layer).keys() == {
        f"{package}/__init__.py",
        f"{package}/words.py",
        f"{package}/page.html",
        f"{package}/__pycache__/__init__.{tag}.pyc",
        f"{package}/__pycache__/words.{tag}.pyc",
    }


def test_a_source_that_does_not_compile_is_named(source: Path, tmp_path: Path) -> None:
    (source / "python" / "ours" / "broken.py").write_text("def")
    with pytest.raises(RuntimeError, match=r"(?s)does not compile:\n.*/opt/python/ours/broken\.py"):
        core_layer(RUNNING, source=source, layers=tmp_path / "layers")


def test_a_changed_source_makes_another_layer(source: Path, tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    first = core_layer(RUNNING, source=source, layers=layers)
    assert core_layer(RUNNING, source=source, layers=layers) == first
    (source / "python" / "ours" / "words.py").write_text("ONE = 1\n")
    assert core_layer(RUNNING, source=source, layers=layers) != first


def test_the_runtime_loads_the_shipped_bytecode_and_writes_none(
    source: Path, pure: Path, tmp_path: Path
) -> None:
    """Sources of other times and texts than they were compiled from change nothing: nobody looks at them."""
    layers = tmp_path / "layers"
    core = core_layer(RUNNING, source=source, layers=layers)
    dependencies = dependency_layer("x86_64", RUNNING, requirements=pure, layers=layers)
    for layer in (core, dependencies):
        for path in layer.rglob("*.py"):
            path.write_text("raise RuntimeError('compiled again')")
            os.utime(path, (0, 0))
        for path in [layer, *layer.rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
    before = files(core), files(dependencies)
    script = """
import json, sys
import ours.words, pure
print(json.dumps({name: sys.modules[name].__spec__.cached for name in ("ours", "ours.words", "pure")}))
"""
    child = subprocess.run(
        [sys.executable, "-S", "-v", "-c", script],
        env={"PYTHONPATH": os.pathsep.join(str(layer / "python") for layer in (core, dependencies))},
        capture_output=True,
        text=True,
        check=True,
        timeout=HANGS_AFTER_S,
    )
    loaded = json.loads(child.stdout)
    for name, cached in loaded.items():
        assert f"# code object from '{cached}'" in child.stderr, name
        header = Path(cached).read_bytes()[:8]
        assert header == importlib.util.MAGIC_NUMBER + UNCHECKED_HASH
    assert (files(core), files(dependencies)) == before


@pytest.mark.parametrize("seed", ["0", "1", "2"])
def test_equal_sources_make_equal_layers_on_every_machine(source: Path, tmp_path: Path, seed: str) -> None:
    """Other folders, another process, another order of sets: no byte differs, and none names a path."""
    here = files(core_layer(RUNNING, source=source, layers=tmp_path / "layers"))
    elsewhere = tmp_path / "elsewhere" / "deeper" / "core"
    shutil.copytree(source, elsewhere)
    build = "import sys; from pathlib import Path; from scripts.build_layers import core_layer; "
    build += "print(core_layer(sys.argv[1], source=Path(sys.argv[2]), layers=Path(sys.argv[3])))"
    child = subprocess.run(
        [sys.executable, "-c", build, RUNNING, elsewhere, tmp_path / "others"],
        env={**os.environ, "PYTHONHASHSEED": seed},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
        timeout=HANGS_AFTER_S,
    )
    assert files(Path(child.stdout.strip())) == here
    assert not [name for name, content in here.items() if str(tmp_path).encode() in content]


def test_another_python_ships_none_rather_than_the_wrong_bytecode(
    source: Path, pure: Path, tmp_path: Path
) -> None:
    layers = tmp_path / "layers"
    core = core_layer(OTHER, source=source, layers=layers)
    dependencies = dependency_layer("x86_64", OTHER, requirements=pure, layers=layers)
    assert not [name for name in [*files(core), *files(dependencies)] if name.endswith(".pyc")]


@pytest.mark.parametrize(("python", "lines"), [(RUNNING, 0), (OTHER, 1)])
def test_layers_without_bytecode_are_announced(
    python: str, lines: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.build_layers.core_layer", lambda *arguments, source=CORE: source)
    monkeypatch.setattr(
        "scripts.build_layers.dependency_layer",
        lambda *arguments, requirements=REQUIREMENTS, alone=False: requirements,
    )
    assert build_layers("arm64", python) == (CORE, REQUIREMENTS, SIGNING, EVALUATION)
    said = capsys.readouterr().err.splitlines()
    assert len(said) == lines
    assert all(f"Python {RUNNING} cannot write bytecode for {python}" in line for line in said)
