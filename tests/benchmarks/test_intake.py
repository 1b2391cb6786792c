"""What the benchmark of the intake measures, prints and complains about."""

from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks.intake import Intake, problems, table, taken_in, write_photographs
from benchmarks.releases import Release

ROOT = Path(__file__).parents[2]


@pytest.mark.processes
def test_the_photographs_of_a_folder_are_taken_in(tmp_path: Path) -> None:
    write_photographs(tmp_path, 6, (400, 300))
    intake = taken_in(Release(ROOT / "functions", (ROOT / "layers/core",)), tmp_path, 0)
    assert intake.cpu_s > 0
    assert intake.wall_s > 0
    assert intake.peak_mb > 10
    assert 0.1 < intake.stored_mb < 1


def test_what_takes_too_long_is_named() -> None:
    slow, quick = (Intake(wall_s=12, cpu_s=cpu_s, peak_mb=200, stored_mb=40) for cpu_s in (10.4, 9.9))
    assert list(problems(quick)) == []
    assert list(problems(slow)) == ["The intake takes 10.4 s of CPU, more than 10."]


def test_the_table_has_a_row_for_each_release() -> None:
    out = StringIO()
    before, now = Intake(14, 11, 300, 50), Intake(6, 4.25, 200, 40)
    Console(file=out, width=120).print(table({"before": before, "now": now}))
    rows = [line.split() for line in out.getvalue().splitlines()]
    assert ["before", "14.0", "11.0", "300", "50.0"] in rows
    assert ["now", "6.0", "4.2", "200", "40.0"] in rows
