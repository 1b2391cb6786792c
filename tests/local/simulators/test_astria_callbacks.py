"""Astria's callbacks: wrapped, unsigned, once; and none about failures."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from local.simulators.contracts import contract
from tests.support.simulators import Simulation

HOOK = "https://app.test/hook?job=1"


def prompt(simulator: Simulation, **fields: Any) -> dict[str, Any]:
    wanted = {"text": "a city", "w": 256, "h": 256, "callback": HOOK, **fields}
    reply = simulator.astria("POST", "/tunes/1504944/prompts", json={"prompt": wanted})
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


def is_callback(name: str, body: dict[str, Any]) -> bool:
    schema = {"$ref": "#/$defs/Callback", "$defs": contract(name)["$defs"]}
    return Draft202012Validator(schema).is_valid(body)


@pytest.mark.parametrize("branch", ["flux1", "fast"])
def test_a_trained_tune_is_posted(simulator: Simulation, branch: str) -> None:
    tune = simulator.tune(callback=HOOK, branch=branch)
    assert simulator.let_pass(10.9) == []
    [body] = simulator.let_pass(0.1)
    assert is_callback("astria-tune", body)
    assert body == {"tune": simulator.astria("GET", f"/tunes/{tune['id']}").json()}
    assert body["tune"]["trained_at"] is not None
    [post] = simulator.web.posts
    assert str(post.url) == HOOK
    assert not [name for name in post.headers if "signature" in name or name == "authorization"]


def test_a_generated_prompt_is_posted(simulator: Simulation) -> None:
    made = prompt(simulator)
    [body] = simulator.let_pass(3)
    assert is_callback("astria-prompt", body)
    assert (body["prompt"]["id"], len(body["prompt"]["images"])) == (made["id"], 1)


@pytest.mark.parametrize("answer", [500, 404, 302, None])
def test_nothing_is_posted_again(simulator: Simulation, answer: int | None) -> None:
    simulator.web.answers = [answer]
    prompt(simulator)
    assert len(simulator.let_pass(3)) == 1
    assert simulator.let_pass(7 * 24 * 3600) == []


@pytest.mark.parametrize("copies", [0, 2])
def test_callbacks_can_be_lost_or_doubled(simulator: Simulation, copies: int) -> None:
    simulator.change(astria_callback_copies=copies)
    prompt(simulator)
    assert len(simulator.let_pass(3)) == copies


def test_failures_are_not_posted(simulator: Simulation) -> None:
    for kind in ("fail", "stuck"):
        simulator.arm("astria.create_tune", kind)
        simulator.tune(callback=HOOK)
        simulator.arm("astria.create_prompt", kind)
        prompt(simulator)
    assert simulator.let_pass(3600) == []


def test_a_face_id_tune_is_not_posted(simulator: Simulation) -> None:
    simulator.tune(model_type="faceid", callback=HOOK)
    assert simulator.let_pass(3600) == []


def test_a_deleted_thing_is_not_posted(simulator: Simulation) -> None:
    tune, made = simulator.tune(callback=HOOK), prompt(simulator)
    simulator.astria("DELETE", f"/tunes/{tune['id']}")
    simulator.astria("DELETE", f"/prompts/{made['id']}")
    assert simulator.let_pass(3600) == []


def test_a_callback_can_be_late(simulator: Simulation) -> None:
    simulator.change(astria_callback_delay_s=5)
    prompt(simulator)
    assert [len(simulator.let_pass(seconds)) for seconds in (3, 4.9, 0.1)] == [0, 0, 1]


def test_a_callback_can_come_before_the_creation_is_answered(simulator: Simulation) -> None:
    simulator.change(astria_callback_early=True, astria_callback_delay_s=60)
    tune = simulator.tune(callback=HOOK)
    made = prompt(simulator, text=f"<lora:{tune['id']}:1> ohwx woman")
    bodies = [json.loads(post.content) for post in simulator.web.posts]
    assert [body.get("tune", body.get("prompt"))["id"] for body in bodies] == [tune["id"], made["id"]]
    assert bodies[0]["tune"]["trained_at"] is not None
    assert bodies[1]["prompt"]["images"] == made["images"] != []
    assert simulator.let_pass(3600) == []


def test_what_is_not_called_back_takes_its_time_all_the_same(simulator: Simulation) -> None:
    simulator.change(astria_callback_early=True)
    assert simulator.tune()["trained_at"] is None
    assert prompt(simulator, callback=None)["images"] == []


def test_a_callback_can_tell_of_another_thing(simulator: Simulation) -> None:
    simulator.change(astria_callback_about="another")
    first, second = prompt(simulator)["id"], prompt(simulator)["id"]
    tune = simulator.tune(callback=HOOK)["id"]
    bodies = simulator.let_pass(11)
    assert {body["prompt"]["id"] for body in bodies if "prompt" in body} == {first, second}
    assert [body["tune"]["id"] for body in bodies if "tune" in body] == [tune + 1]
