"""More orders at once than fal runs: all are drawn in their turn, and each is paid once.

In the simulator's account two jobs run at once, as in a new one.
"""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from character_identity.providers.astria.prompts import AstriaImages
from character_identity.providers.astria.tunes import AstriaTrainer
from tests.support.in_process.harness import Harness, harness

ORDERS = int(os.environ.get("ORDERS", "12"))
DRAWING_S = max(20, 2400 // ORDERS)
"""Two at a time all of them take longer than a job may once it is ordered."""


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    with harness(monkeypatch) as inside:
        inside.simulator.change(generation_s=DRAWING_S)
        yield inside


def ready_identity(inside: Harness) -> str:
    body = {"name": "Sarah", "provider": "fal-instant", "references": inside.uploads(1)}
    return str(inside.call("create_identity", "POST", "/v1/identities", body).body["characterId"])


def order(inside: Harness, identity_id: str, number: int) -> str:
    path = f"/v1/identities/{identity_id}/generations"
    answer = inside.call("create_generation", "POST", path, {"prompt": f"Sarah runs, {number}"})
    assert answer.status == 202
    return str(answer.body["generationId"])


def shown(inside: Harness, generation_id: str) -> dict[str, Any]:
    body = inside.call("get_generation", "GET", f"/v1/generations/{generation_id}").body
    assert isinstance(body, dict)
    return body


def test_a_burst_is_drawn_whole(inside: Harness) -> None:
    identity_id = ready_identity(inside)
    ordered = [order(inside, identity_id, number) for number in range(ORDERS)]
    inside.run()
    ended = Counter(shown(inside, generation_id)["status"] for generation_id in ordered)
    assert ended == {"succeeded": ORDERS}
    sent_at = sorted(datetime.fromisoformat(call["accepted_at"]) for call in inside.paid())
    assert len(sent_at) == ORDERS
    together = [later - sooner for sooner, later in zip(sent_at, sent_at[2:], strict=False)]
    assert min(together) >= timedelta(seconds=DRAWING_S), "nothing waits in fal's own queue"


def test_whoever_waits_is_told_his_place(inside: Harness) -> None:
    identity_id = ready_identity(inside)
    ordered = [order(inside, identity_id, number) for number in range(5)]
    inside.let_pass(1)
    queued = [shown(inside, generation_id)["queued"] for generation_id in ordered]
    assert [place and place["position"] for place in queued] == [None, None, 1, 2, 3]
    assert "fal" in queued[2]["reason"]
    inside.let_pass(DRAWING_S + 10)
    places = [shown(inside, generation_id)["queued"] for generation_id in ordered]
    assert [place and place["position"] for place in places] == [None, None, None, None, 1]
    inside.run()
    assert [shown(inside, generation_id)["queued"] for generation_id in ordered] == [None] * 5


def test_what_is_not_wanted_any_more_never_reaches_fal(inside: Harness) -> None:
    identities = [ready_identity(inside) for _ in range(2)]
    for number in range(3):
        order(inside, identities[0], number)
    order(inside, identities[1], 3)
    inside.let_pass(1)
    inside.call("erase_identity", "DELETE", f"/v1/identities/{identities[1]}")
    inside.run()
    assert [call["input"]["prompt"] for call in inside.paid()] == [f"Sarah runs, {n}" for n in range(3)]


def test_who_is_to_come_back_in_an_hour_does_and_is_in_nobodys_way(inside: Harness) -> None:
    identity_id = ready_identity(inside)
    inside.simulator.arm("fal.submit", "reply", status=429, headers={"Retry-After": "3600"})
    ordered = [order(inside, identity_id, number) for number in range(2)]
    inside.let_pass(DRAWING_S + 60)
    assert [shown(inside, each)["status"] for each in ordered] == ["queued", "succeeded"]
    inside.let_pass(3600)
    inside.run()
    assert [shown(inside, each)["status"] for each in ordered] == ["succeeded"] * 2
    sooner, later = (datetime.fromisoformat(call["accepted_at"]) for call in inside.paid())
    assert later - sooner >= timedelta(seconds=3590)
    assert inside.open_work() == []


def test_a_slot_of_a_machine_that_died_is_given_on(inside: Harness) -> None:
    identity_id = ready_identity(inside)
    ordered = [order(inside, identity_id, number) for number in range(4)]
    inside.let_pass(1)
    for generation_id in ordered[:2]:
        inside.executions.kill(generation_id)
    inside.run()
    assert {shown(inside, generation_id)["status"] for generation_id in ordered} == {"succeeded"}
    assert len(inside.paid()) == 4


def test_a_job_that_never_starts_is_dropped_and_costs_nothing(inside: Harness) -> None:
    identity_id = ready_identity(inside)
    inside.simulator.arm(operation="fal.submit", kind="stuck")
    generation_id = order(inside, identity_id, 0)
    inside.run()
    generation = shown(inside, generation_id)
    assert (generation["status"], generation["error"]["code"]) == ("failed", "generation_failed")
    assert "before it started" in generation["error"]["message"]
    assert [call["cost_usd"] for call in inside.paid()] == [0]
    usage = inside.call("get_usage", "GET", "/v1/usage").body
    assert (usage["committedUsd"], usage["reservedUsd"]) == (0, 0)


def test_what_astria_begins_just_before_the_deadline_has_its_time_from_then_on(inside: Harness) -> None:
    references = inside.uploads(4)
    body = {"name": "Sarah", "provider": "astria", "className": "woman", "references": references}
    inside.simulator.change(queue_s=AstriaTrainer.deadline_s - 300, training_s=900)
    identity_id = str(inside.call("create_identity", "POST", "/v1/identities", body).body["characterId"])
    inside.run()
    assert inside.call("get_identity", "GET", f"/v1/identities/{identity_id}").body["status"] == "ready"
    inside.simulator.change(queue_s=AstriaImages.deadline_s - 60)
    generation_id = order(inside, identity_id, 1)
    inside.run()
    assert (shown(inside, generation_id)["status"], len(inside.paid())) == ("succeeded", 2)
