"""Orders that never reach a provider which can be searched for them: made until the deadline, no longer."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from character_identity.providers.astria.prompts import AstriaImages
from character_identity.providers.astria.tunes import AstriaTrainer
from tests.support.in_process.executions import Execution
from tests.support.in_process.harness import Harness, harness

MOST_TRANSITIONS = 400


class LostOrders:
    """A harness in which every post to ``path`` is lost, and every get from it as long as it is ``blind``."""

    def __init__(self, inside: Harness, patch: pytest.MonkeyPatch) -> None:
        self.inside = inside
        self.path = "nowhere"
        self.blind_until = inside.now()
        inside.faulty_transport.watch_http(patch, self._answer)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        blind = request.method == "GET" and self.inside.now() < self.blind_until
        if request.url.path.endswith(self.path) and (blind or request.method == "POST"):
            raise httpx.ReadTimeout("cut", request=request)
        return self.inside._answer(request)

    def identity(self) -> str:
        body = {"name": "Sarah", "provider": "astria", "className": "woman"}
        order = {**body, "references": self.inside.uploads(4)}
        return str(self.inside.call("create_identity", "POST", "/v1/identities", order).body["characterId"])

    def generation(self, identity_id: str) -> str:
        path = f"/v1/identities/{identity_id}/generations"
        order = {"prompt": "Sarah runs", "numImages": 2}
        return str(self.inside.call("create_generation", "POST", path, order).body["generationId"])

    def ended(self, subject_id: str) -> Execution:
        """An execution after its end, without the sweep, which would put an end to it some time later."""
        execution = self.inside.executions.by_name[subject_id]
        while execution.status == "RUNNING":
            wait = execution.due - self.inside.now()
            self.inside.simulator.let_pass(max(wait.total_seconds(), 0.001))
            self.inside.executions.step(execution)
            assert execution.transitions < MOST_TRANSITIONS
        return execution


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> Iterator[LostOrders]:
    with harness(monkeypatch, webhooks=False) as inside:
        yield LostOrders(inside, monkeypatch)


def test_an_order_that_is_lost_again_and_again_is_given_up(lost: LostOrders) -> None:
    identity_id = lost.identity()
    lost.ended(identity_id)
    lost.path = "/prompts"
    execution = lost.ended(lost.generation(identity_id))
    assert (execution.status, execution.error) == ("FAILED", "order_not_taken")
    assert len(lost.inside.paid()) == 1


def test_a_training_that_can_be_looked_for_only_after_its_deadline_is_given_up(lost: LostOrders) -> None:
    lost.path = "/tunes"
    lost.blind_until = lost.inside.now() + timedelta(seconds=AstriaTrainer.deadline_s)
    execution = lost.ended(lost.identity())
    assert (execution.status, execution.error) == ("FAILED", "not_ordered")
    assert not lost.inside.paid()


def test_a_generation_that_can_be_looked_for_only_after_its_deadline_is_given_up(lost: LostOrders) -> None:
    identity_id = lost.identity()
    lost.ended(identity_id)
    lost.path = "/prompts"
    lost.blind_until = lost.inside.now() + timedelta(seconds=AstriaImages.deadline_s)
    execution = lost.ended(lost.generation(identity_id))
    assert (execution.status, execution.error) == ("FAILED", "not_ordered")
    assert len(lost.inside.paid()) == 1


@pytest.mark.parametrize("webhooks", [True, False], ids=["on", "off"])
def test_a_training_that_soon_fails_and_is_listed_no_more_is_ordered_once(
    monkeypatch: pytest.MonkeyPatch, webhooks: bool
) -> None:
    with harness(monkeypatch, webhooks=webhooks) as inside:
        inside.simulator.arm("astria.create_tune", "cut", accepted=True)
        inside.simulator.arm("astria.create_tune", "fail")
        lost = LostOrders(inside, monkeypatch)
        execution = lost.ended(lost.identity())
        assert (execution.status, execution.error) == ("FAILED", "training_failed")
        assert len(inside.paid()) == 1
