"""What the benchmark of memory measures and complains about."""

import gc
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import memory
from benchmarks.memory import MOST_OVER_MB, Peak, highest, peak_mb, problems, table
from character_identity.domain.errors import InvalidRequest
from local.errors import CannotRun


@pytest.fixture
def process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A process of 100 MB, as /proc tells."""
    monkeypatch.setattr(memory, "SELF", tmp_path)
    monkeypatch.setattr(gc, "collect", lambda: 0)  # of all that other tests have left
    tell(tmp_path, peak_mb=100)
    return tmp_path


def tell(process: Path, peak_mb: int) -> None:
    (process / "status").write_text(f"VmHWM:\t{peak_mb * 1024} kB\nVmRSS:\t{100 * 1024} kB\n")


def test_a_peak_is_what_came_on_top_also_of_what_is_refused(process: Path) -> None:
    def refused() -> None:
        tell(process, peak_mb=130)
        raise InvalidRequest("no")

    assert peak_mb(refused) == 30
    assert (process / "clear_refs").read_text() == "5"


def test_the_case_that_took_most_is_told(process: Path) -> None:
    cases = [("little", lambda: tell(process, 110)), ("much", lambda: tell(process, 150))]
    found = highest("fetch", 20, iter([*cases, ("nothing", lambda: tell(process, 100))]))
    assert (found.cases, found.worst, found.peak_mb, found.over_mb) == (3, "much", 50, 30)


def test_what_takes_too_much_is_named() -> None:
    peaks = [Peak("fetch", 1, 20, 20 + MOST_OVER_MB + more, "a") for more in (0, 1)]
    assert list(problems(peaks)) == ["fetch: 101 MB over its cap, more than 100: a."]
    console = Console(width=100)
    with console.capture() as printed:
        console.print(table(peaks))
    assert "fetch" in printed.get()


def test_elsewhere_than_on_linux_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "SELF", tmp_path / "nothing")
    monkeypatch.setattr(gc, "collect", lambda: 0)
    with pytest.raises(CannotRun, match="on Linux only"):
        peak_mb(lambda: None)


def test_every_way_of_reading_has_cases() -> None:
    assert all(next(reading.cases()) for reading in memory.READINGS[:5])
