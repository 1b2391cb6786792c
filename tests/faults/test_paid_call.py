"""Between the intent and the paid call there is no other call: what dies there was the paid call itself."""

from collections.abc import Iterator
from datetime import datetime

import pytest

from character_identity.aws.ledger_table import LedgerTable
from tests.faults.workflows import WORKFLOWS, Caller, Workflow
from tests.support.in_process.harness import Harness, harness

INTENT = "the intent"


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    """A harness that counts each intent among the calls, right after it was written."""
    intend = LedgerTable.intend
    with harness(monkeypatch) as inside:

        def noted(ledger: LedgerTable, job_id: str, at: datetime, deadline_at: datetime) -> bool:
            is_first = intend(ledger, job_id, at, deadline_at)
            inside.faulty_transport.calls.append(INTENT)
            return is_first

        monkeypatch.setattr(LedgerTable, "intend", noted)
        yield inside


@pytest.mark.parametrize("is_elsewhere", [False, True], ids=["reads our links", "gets our files"])
@pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda workflow: workflow.name)
def test_the_paid_call_follows_its_intent(inside: Harness, workflow: Workflow, is_elsewhere: bool) -> None:
    if is_elsewhere:  # as on one machine with the real providers
        inside.change(AWS_ENDPOINT_URL="http://127.0.0.1:1", ASTRIA_API_URL="https://93.184.216.34/astria")
    caller, calls = Caller(inside, workflow), inside.faulty_transport.calls
    calls.clear()
    assert caller.ask().status < 300
    inside.run()
    assert calls.count(INTENT) == 1
    assert calls[calls.index(INTENT) + 1].startswith(workflow.paid_call)
