"""docs/faults.md says what really becomes of an order, and nothing of it is wrong."""

import pytest

from tests.faults.rows import Row
from tests.faults.table import PAGE, ROWS, filled, page, wrong
from tests.faults.workflows import WORKFLOWS, Workflow

APPLICABLE = [(workflow, row) for workflow in WORKFLOWS for row in ROWS if row.spares(workflow) is None]


@pytest.mark.parametrize(
    ("workflow", "row"), APPLICABLE, ids=[f"{workflow.name}: {row.fault}" for workflow, row in APPLICABLE]
)
def test_an_order_that_meets_a_fault_ends_as_it_should(workflow: Workflow, row: Row) -> None:
    cell = filled(workflow)[row.fault]
    assert cell, "the fault never happened"
    for what, report in wrong(row, cell).items():
        pytest.fail(f"{what}\n{report}", pytrace=False)


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text() == page(), f"{PAGE.name} is stale: python -m tests.faults writes it"
