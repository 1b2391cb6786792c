"""docs/faults.md says what really becomes of an order, and nothing of it is wrong."""

import pytest

from tests.faults.page import PAGE, page, texts_of, texts_on_page
from tests.faults.table import fill, wrong
from tests.faults.workflows import WORKFLOWS, Workflow


@pytest.mark.exhaustive
@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_an_order_that_meets_a_fault_ends_as_the_page_says(workflow: Workflow) -> None:
    column = fill(workflow)
    failures = wrong(workflow, column)
    assert not failures, "\n\n".join(failures)
    shown, stale = texts_of(workflow, column), "the page is stale: python -m tests.faults writes it"
    assert shown == texts_on_page(workflow), stale


def test_the_page_has_all_faults_and_says_why_some_cannot_be() -> None:
    assert PAGE.read_text() == page({workflow.name: texts_on_page(workflow) for workflow in WORKFLOWS})
