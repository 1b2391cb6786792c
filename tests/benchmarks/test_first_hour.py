"""The README gone through by somebody with nothing: which programs, and what is told of them."""

import sys
from pathlib import Path

import pytest

from benchmarks.first_hour import ROOT, Failed, Newcomer, program, table


def test_the_first_program_of_a_language_is_taken(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("a\n```sh\nb\n```\n```python\nc\nd\n```\n```python\ne\n```\n")
    assert program("python", page) == "c\nd\n"
    assert "api.run(" in program("python", ROOT / "README.md")


def test_the_seconds_of_each_step_are_told() -> None:
    shown = table({"git clone": 2.34, "make dev": 391.2})
    assert [[*column.cells] for column in shown.columns] == [["git clone", "make dev"], ["2.3", "391"]]


@pytest.mark.processes
def test_parts_of_a_step_add_up_and_one_that_fails_is_told(tmp_path: Path) -> None:
    newcomer = Newcomer(tmp_path, {})
    assert newcomer.step("once", sys.executable, "-c", "print('a')") == "a\n"
    first = newcomer.took["once"]
    newcomer.step("once", sys.executable, "-c", "")
    assert newcomer.took["once"] > first
    with pytest.raises(Failed, match=r"twice: .* failed:\nwhy\n"):
        newcomer.step("twice", sys.executable, "-c", "raise SystemExit('why')")
