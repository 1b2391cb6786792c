"""A character that is renamed while something of it is under way: what was ordered stays what it was."""

from collections.abc import Iterator

import pytest

from tests.support.in_process.harness import Harness, harness


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    with harness(monkeypatch, webhooks=False) as ready:
        yield ready


def rename(inside: Harness, identity_id: str) -> None:
    body = {"name": "Anna"}
    answer = inside.call("rename_identity", "PATCH", f"/v1/identities/{identity_id}", body)
    assert (answer.status, answer.body["name"]) == (200, "Anna")


def ordered(inside: Harness) -> str:
    order = {"name": "Sarah", "provider": "astria", "className": "woman", "references": inside.uploads(4)}
    return str(inside.call("create_identity", "POST", "/v1/identities", order).body["characterId"])


def test_an_order_whose_answer_was_lost_is_found_though_the_character_was_renamed(inside: Harness) -> None:
    """It is looked up by what was sent, which must not follow the name: or it would be paid twice."""
    inside.simulator.arm("astria.create_tune", "cut", accepted=True)
    identity_id = ordered(inside)
    inside.let_pass(1)
    rename(inside, identity_id)
    inside.run()
    inside.simulator.arm("astria.create_prompt", "cut", accepted=True)
    path = f"/v1/identities/{identity_id}/generations"
    generation = inside.call("create_generation", "POST", path, {"prompt": "Anna runs"}).body
    inside.let_pass(1)
    answer = inside.call("rename_identity", "PATCH", f"/v1/identities/{identity_id}", {"name": "Eve"})
    assert answer.body["name"] == "Eve"
    inside.run()
    shown = inside.call("get_generation", "GET", f"/v1/generations/{generation['generationId']}").body
    assert (shown["status"], shown["prompt"]) == ("succeeded", "Anna runs")
    assert len(inside.paid()) == 2, "one training, one generation"


def test_what_was_ordered_before_is_submitted_as_it_was_typed(inside: Harness) -> None:
    """And prompts name the character anew from then on, to which the same token answers."""
    identity_id = ordered(inside)
    inside.run()
    path, used = f"/v1/identities/{identity_id}/generations", []
    for prompt in ("Sarah runs", "Anna runs"):
        generation = inside.call("create_generation", "POST", path, {"prompt": prompt}).body
        rename(inside, identity_id)
        inside.run()
        shown = inside.call("get_generation", "GET", f"/v1/generations/{generation['generationId']}").body
        assert shown["status"] == "succeeded"
        used.append(shown["metadata"]["promptUsed"])
    first, second = used
    assert first == second
    assert "Sarah" not in first
    assert "Anna" not in first
    sent = {order["prompt"] for order in inside.paid() if "prompt" in order}
    assert sent <= {first}
