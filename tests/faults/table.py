"""Fills the table, a column at a time."""

import gc
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import pytest

from tests.faults import callbacks, jobs, our_calls, our_side, paid_call
from tests.faults.forks import Forks, Report
from tests.faults.rows import Row
from tests.faults.scenario import Scenario
from tests.faults.workflows import Caller, Workflow
from tests.support.in_process.harness import Harness, harness

ROOT = Path(__file__).parents[2]
HANGS_AFTER_S = 1800
"""A guard against a column that never ends: it takes less than a minute where nothing else runs."""
ROWS: tuple[Row, ...] = (
    Row("No fault", lambda scenario, split: None),
    *our_calls.ROWS,
    *paid_call.ROWS,
    *callbacks.ROWS,
    *jobs.ROWS,
    *our_side.ROWS,
)

Cell = Mapping[str, Report]
"""What came of each world, by what happened in it."""
Column = Mapping[str, Cell]
"""The cells of a workflow, by fault."""


def fill(workflow: Workflow) -> Column:
    """Fill one column; it copies this process, which should do nothing else."""
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


def filled(workflow: Workflow) -> Column:
    """Have a process of its own fill a column."""
    command = [sys.executable, "-m", "tests.faults", workflow.name]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=HANGS_AFTER_S)
    assert done.returncode == 0, done.stderr
    cells = json.loads(done.stdout)
    return {fault: {name: Report(**report) for name, report in cell.items()} for fault, cell in cells.items()}


def wrong(workflow: Workflow, column: Column) -> list[str]:
    """List what should not have come of a fault, or that it never happened."""
    found = []
    for row in ROWS:
        if row.spares(workflow) is None:
            cell = column.get(row.fault) or {"": Report("it never happened", failed=True)}
            found += [
                f"{row.fault}: {what}\n{told.text}"
                for what, told in cell.items()
                if told.failed or _ending(told) not in row.ends
            ]
    return found


def _ending(report: Report) -> str:
    """``ready, paid once`` ended ``ready``, ``failed: no_image, paid once`` with ``no_image``."""
    return report.text.rpartition(", ")[0].removeprefix("failed: ")
