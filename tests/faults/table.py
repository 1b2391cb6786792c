"""Fills the table, a column at a time."""

from collections.abc import Mapping
from functools import partial

import pytest

from tests.faults import callbacks, jobs, our_calls, our_side, paid_call
from tests.faults.branches import Branch, Report, explore
from tests.faults.outcome import Facts
from tests.faults.rows import Row
from tests.faults.scenario import Scenario
from tests.faults.workflows import Caller, Workflow
from tests.support.in_process.harness import harness
from tests.support.in_process.past import Past

ROWS: tuple[Row, ...] = (
    Row("No fault", lambda scenario, split: None),
    *our_calls.ROWS,
    *paid_call.ROWS,
    *callbacks.ROWS,
    *jobs.ROWS,
    *our_side.ROWS,
)

Cell = Mapping[str, Report]
"""What came of each branch, by what happened in it."""
Column = Mapping[str, Cell]
"""The cells of a workflow, by fault."""


def fill(workflow: Workflow) -> Column:
    """Fill one column: its caller is prepared once, and all branches go on from there."""
    with pytest.MonkeyPatch.context() as patch, harness(patch) as prepared:
        caller = Caller(prepared, workflow)
        past, before = prepared.past(), Facts.of(prepared)
    rows = [row for row in ROWS if row.spares(workflow) is None]
    return {row.fault: explore(partial(_run, caller, past, before, row)) for row in rows}


def _run(caller: Caller, past: Past, before: Facts, row: Row, branch: Branch) -> str:
    with pytest.MonkeyPatch.context() as patch, harness(patch, past=past) as prepared:
        scenario = Scenario(prepared, caller.inside(prepared), before)
        row.arrange(scenario, branch.split)
        return scenario.tell()


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
