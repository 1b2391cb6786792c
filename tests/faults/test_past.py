"""All branches of a column go on from one past, and none notices another."""

from typing import Any

import pytest

from tests.faults.outcome import Facts
from tests.faults.workflows import WORKFLOWS, Caller, Workflow
from tests.support.in_process.harness import Harness, harness

GENERATING = [
    workflow for workflow in WORKFLOWS if workflow.name in {"generate with fal-lora", "generate with astria"}
]


@pytest.mark.parametrize("workflow", GENERATING, ids=lambda workflow: workflow.name)
def test_who_goes_on_from_a_past_comes_to_what_would_have_come(workflow: Workflow) -> None:
    with pytest.MonkeyPatch.context() as patch, harness(patch) as first:
        caller = Caller(first, workflow)
        past = first.past()
    with pytest.MonkeyPatch.context() as patch, harness(patch) as first:
        seen = [_seen(first, Caller(first, workflow))]
    for _ in range(2):
        with pytest.MonkeyPatch.context() as patch, harness(patch, past=past) as other:
            seen.append(_seen(other, caller.inside(other)))
            erased = other.call("erase_identity", "DELETE", f"/v1/identities/{caller.identity_id}")
            other.run()
            assert erased.status < 300
            assert other.stored_keys() == []
    assert seen[0] == seen[1] == seen[2]


def _seen(harness: Harness, caller: Caller) -> Any:
    """Order pictures, and return what is to be seen of them in the end."""
    answer = caller.ask()
    harness.run()
    facts, later = Facts.of(harness), caller.ask()
    assert caller.id_in(later) == caller.id_in(answer)
    rows = {pk: row.get("status", row.get("type")) for pk, row in facts.rows.items()}
    paid = [(order["request_id"], order["cost_usd"]) for order in facts.paid]
    return rows, facts.money("committed"), paid, harness.stored_keys(), harness.now()
