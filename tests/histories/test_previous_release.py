"""Executions of the previous release's state machines go on under today's functions, and end well.

Step Functions keeps the definition that an execution began with, while every call of a function runs today's
code. tests/state_machines/previous has those definitions, as they were before there was a task token.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.in_process.executions import Execution, Executions
from tests.support.in_process.harness import Harness, harness

PREVIOUS = Path(__file__).parents[1] / "state_machines" / "previous"
STATE_FIELDS = {"identity_id", "generation_id", "state", "poll_seconds", "deadline_at", "error"}
"""Of which a state of that release was made."""
REFERENCES = {"fal-lora": 5, "astria": 4, "fal-instant": 1}
WITHOUT_WEBHOOKS = pytest.mark.parametrize("old", [False], indirect=True, ids=["without webhooks"])

TRAINING = [
    "PrepareTraining",
    "SubmitTraining",
    "WaitBeforeCheck",
    "CheckTraining",
    "Settled?",
    "StoreWeights",
    "RecordTraining",
    "Ready?",
    "IdentityReady",
]
GENERATION = [
    "SubmitGeneration",
    "WaitBeforeCheck",
    "CheckGeneration",
    "Settled?",
    "StoreImages",
    "RecordGeneration",
    "Succeeded?",
    "GenerationSucceeded",
]


@pytest.fixture(params=[True, False], ids=["with webhooks", "without webhooks"])
def old(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    """A harness whose machines are the previous release's.

    Today's functions never find more in the state than that release put there, as if each were the first that
    is called after they came.
    """
    step = Executions.step

    def step_and_forget(executions: Executions, execution: Execution) -> None:
        step(executions, execution)
        known = {name: value for name, value in execution.state.items() if name in STATE_FIELDS}
        execution.state = known

    monkeypatch.setattr(Executions, "step", step_and_forget)
    with harness(monkeypatch, webhooks=request.param) as old:
        old.executions.definitions = PREVIOUS
        yield old


@pytest.mark.parametrize("provider", ["fal-lora", "astria", "fal-instant"])
def test_what_began_before_goes_on(old: Harness, provider: str) -> None:
    identity_id = _identity(old, provider)
    if provider != "fal-instant":
        training = _as_it_began(old, identity_id)
        old.run()
        assert (training.status, _without_repeats(training.path)) == ("SUCCEEDED", TRAINING)
    assert _shown(old, "identity", identity_id) == ("ready", None)
    generation_id = _generation(old, identity_id)
    generation = _as_it_began(old, generation_id)
    old.run()
    assert (generation.status, _without_repeats(generation.path)) == ("SUCCEEDED", GENERATION)
    assert _shown(old, "generation", generation_id) == ("succeeded", None)
    assert len(old.paid()) == (1 if provider == "fal-instant" else 2)
    assert not old.open_work()


@WITHOUT_WEBHOOKS
def test_an_order_that_never_got_through_is_no_success(old: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those machines do not know ``unsubmitted``, and record it."""
    _lose_orders(old, monkeypatch, "/tunes")
    identity_id = _identity(old, "astria")
    execution = _as_it_began(old, identity_id)
    old.run()
    assert execution.status == "FAILED"
    assert _shown(old, "identity", identity_id)[0] == "failed"
    assert not old.paid()


def _lose_orders(old: Harness, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    """Cut every post to a path before the provider sees it."""

    def answer(request: httpx.Request) -> httpx.Response:
        if request.method == "POST" and request.url.path.endswith(path):
            raise httpx.ReadTimeout("cut", request=request)
        return old._answer(request)

    old.faulty_transport.watch_http(monkeypatch, answer)


def _identity(old: Harness, provider: str) -> str:
    body = {"name": "Sarah", "provider": provider, "className": "woman"}
    references = old.uploads(REFERENCES[provider])
    answer = old.call("create_identity", "POST", "/v1/identities", {**body, "references": references})
    return str(answer.body["characterId"])


def _generation(old: Harness, identity_id: str) -> str:
    order = {"prompt": "Sarah runs", "numImages": 2}
    answer = old.call("create_generation", "POST", f"/v1/identities/{identity_id}/generations", order)
    return str(answer.body["generationId"])


def _shown(old: Harness, what: str, subject_id: str) -> tuple[str, Any]:
    """Status and error as the API shows them."""
    plural = {"identity": "identities", "generation": "generations"}[what]
    body = old.call(f"get_{what}", "GET", f"/v1/{plural}/{subject_id}").body
    return body["status"], body["error"]


def _as_it_began(old: Harness, subject_id: str) -> Execution:
    """The execution that was just started, begun with what the previous release put into the state."""
    trains = old.executions.by_name[subject_id].state["job_id"] == f"training-{subject_id}"
    old.executions.kill(subject_id)
    if trains:
        first = {"identity_id": subject_id, "state": "preparing"}
        return old.executions.begin(subject_id, "train_identity", first)
    first = {"generation_id": subject_id, "state": "queued"}
    return old.executions.begin(subject_id, "generate_images", first)


def _without_repeats(path: list[str]) -> list[str]:
    return list(dict.fromkeys(path))
