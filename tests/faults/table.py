"""Fills the table and writes it down."""

import gc
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping
from functools import cache, partial
from pathlib import Path

import pytest

from tests.faults import callbacks, jobs, our_calls, our_side, paid_call
from tests.faults.forks import Forks, Report
from tests.faults.rows import Row
from tests.faults.scenario import Scenario
from tests.faults.workflows import WORKFLOWS, Caller, Workflow
from tests.histories.harness import Harness, harness

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- the table begins -->\n", "<!-- the table ends -->\n"
LONGEST_COLUMN_S = 110
ROWS: tuple[Row, ...] = (
    Row("No fault", lambda scenario, split: None),
    *our_calls.ROWS,
    *paid_call.ROWS,
    *callbacks.ROWS,
    *jobs.ROWS,
    *our_side.ROWS,
)

Cell = Mapping[str, Report]
"""The report of each run, by what happened in it."""
TIMES = "\N{MULTIPLICATION SIGN}"


def fill(workflow: Workflow) -> dict[str, Cell]:
    """One column, by fault; it forks this process, which should do nothing else."""
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", folder)
        patch.setattr(shutil, "rmtree", lambda *_, **__: None)  # the forks have the same files
        with harness(patch) as rehearsal:  # loads what is loaded on first use
            Scenario(rehearsal, workflow, Caller(rehearsal, workflow)).tell()
        gc.disable()  # it looks at all objects, and a fork has memory of its own for what it touches
        with harness(patch) as prepared:
            caller, cells = Caller(prepared, workflow), Forks()
            for row in ROWS:
                if row.spares(workflow) is None:
                    cells.run(row.fault, partial(_cell, prepared, workflow, caller, row))
            return {fault: _read(report) for fault, report in cells.all_reports().items()}


def _cell(prepared: Harness, workflow: Workflow, caller: Caller, row: Row) -> str:
    forks = Forks()

    def tell() -> str:
        scenario = Scenario(prepared, workflow, caller)
        row.arrange(scenario, forks.split)
        return scenario.tell()

    return json.dumps({name: report.__dict__ for name, report in forks.explore(tell).items()})


def _read(report: Report) -> Cell:
    if report.failed:
        return {"": report}
    return {name: Report(**fork) for name, fork in json.loads(report.text).items()}


@cache
def filled(workflow: Workflow) -> Mapping[str, Cell]:
    """One column, by fault, filled in a process of its own."""
    command = [sys.executable, "-m", "tests.faults", workflow.name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=LONGEST_COLUMN_S)
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)
    return {fault: {name: Report(**report) for name, report in cell.items()} for fault, cell in cells.items()}


def wrong(row: Row, cell: Cell) -> dict[str, str]:
    """Return the reports that should not have come of a fault, by what happened."""
    return {
        name: report.text for name, report in cell.items() if report.failed or _ending(report) not in row.ends
    }


def page() -> str:
    """The page with the table as it is now."""
    head, _, rest = PAGE.read_text().partition(BEGIN)
    return f"{head}{BEGIN}\n{_table()}\n{_reasons()}\n{END}{rest.partition(END)[2]}"


def _table() -> str:
    heads = ["fault", *(workflow.name for workflow in WORKFLOWS)]
    lines = [heads, ["---"] * len(heads)]
    lines += [[row.fault, *(_shown(row, workflow) for workflow in WORKFLOWS)] for row in ROWS]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _shown(row: Row, workflow: Workflow) -> str:
    if row.spares(workflow) is not None:
        return "-"
    texts = Counter(report.text for report in filled(workflow)[row.fault].values())
    if len(texts) == texts.total() == 1:
        return next(iter(texts))
    return "; ".join(
        f"{count} {TIMES} {text}" for text, count in sorted(texts.items(), key=lambda item: -item[1])
    )


def _reasons() -> str:
    """Return why some cells hold nothing."""
    spared: dict[str, list[str]] = {}
    for row in ROWS:
        for workflow in WORKFLOWS:
            reason = row.spares(workflow)
            if reason is not None and row.fault not in spared.setdefault(reason, []):
                spared[reason].append(row.fault)
    return "".join(f"- {'; '.join(faults)}: {reason}\n" for reason, faults in spared.items())


def _ending(report: Report) -> str:
    """``ready, paid once`` ended ``ready``, ``failed: no_image, paid once`` with ``no_image``."""
    return report.text.rpartition(", ")[0].removeprefix("failed: ")
