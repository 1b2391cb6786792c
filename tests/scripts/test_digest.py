"""A digest stays while its files do, and shows every change of them."""

from pathlib import Path

import pytest

from scripts.digest import digest

INPUTS = ("app.py", "functions")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("app.py", "functions/a/handler.py", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_the_digest_of_unchanged_inputs_stays(project: Path) -> None:
    before = digest(project, INPUTS)
    (project / "README.md").write_text("no input")
    (project / "functions" / "a" / "__pycache__").mkdir()
    (project / "functions" / "a" / "__pycache__" / "handler.pyc").write_text("made by running")
    assert digest(project, INPUTS) == before


@pytest.mark.parametrize("change", ["edit", "add", "remove", "rename"])
def test_every_change_of_the_inputs_shows_in_the_digest(project: Path, change: str) -> None:
    before, handler = digest(project, INPUTS), project / "functions" / "a" / "handler.py"
    match change:
        case "edit":
            handler.write_text("edited")
        case "add":
            handler.with_name("helper.py").write_text("")
        case "remove":
            handler.unlink()
        case "rename":
            handler.rename(handler.with_name("other.py"))
    assert digest(project, INPUTS) != before
