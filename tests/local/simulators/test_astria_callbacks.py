"""Astria's callbacks: wrapped, unsigned, once; and none about failures."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from local.simulators.contracts import contract
from tests.support.simulators import StandIn

HOOK = "https://app.test/hook?job=1"


def prompt(stand_in: StandIn, **fields: Any) -> dict[str, Any]:
    wanted = {"text": "a city", "w": 256, "h": 256, "callback": HOOK, **fields}
    reply = stand_in.astria("POST", "/tunes/1504944/prompts", json={"prompt": wanted})
    assert reply.status_code == 201, reply.text
    return dict(reply.json())


def is_callback(name: str, news: dict[str, Any]) -> bool:
    schema = {"$ref": "#/$defs/Callback", "$defs": contract(name)["$defs"]}
    return Draft202012Validator(schema).is_valid(news)


@pytest.mark.parametrize("branch", ["flux1", "fast"])
def test_a_trained_tune_is_posted(stand_in: StandIn, branch: str) -> None:
    tune = stand_in.tune(callback=HOOK, branch=branch)
    assert stand_in.let_pass(10.9) == []
    [news] = stand_in.let_pass(0.1)
    assert is_callback("astria-tune", news)
    assert news == {"tune": stand_in.astria("GET", f"/tunes/{tune['id']}").json()}
    assert news["tune"]["trained_at"] is not None
    [post] = stand_in.web.posts
    assert str(post.url) == HOOK
    assert not [name for name in post.headers if "signature" in name or name == "authorization"]


def test_a_generated_prompt_is_posted(stand_in: StandIn) -> None:
    made = prompt(stand_in)
    [news] = stand_in.let_pass(3)
    assert is_callback("astria-prompt", news)
    assert (news["prompt"]["id"], len(news["prompt"]["images"])) == (made["id"], 1)


@pytest.mark.parametrize("answer", [500, 404, 302, None])
def test_nothing_is_posted_again(stand_in: StandIn, answer: int | None) -> None:
    stand_in.web.answers = [answer]
    prompt(stand_in)
    assert len(stand_in.let_pass(3)) == 1
    assert stand_in.let_pass(7 * 24 * 3600) == []


@pytest.mark.parametrize("copies", [0, 2])
def test_callbacks_can_be_lost_or_doubled(stand_in: StandIn, copies: int) -> None:
    stand_in.change(astria_callback_copies=copies)
    prompt(stand_in)
    assert len(stand_in.let_pass(3)) == copies


def test_failures_are_not_posted(stand_in: StandIn) -> None:
    for kind in ("fail", "stuck"):
        stand_in.arm("astria.create_tune", kind)
        stand_in.tune(callback=HOOK)
        stand_in.arm("astria.create_prompt", kind)
        prompt(stand_in)
    assert stand_in.let_pass(3600) == []


def test_a_face_id_tune_is_not_posted(stand_in: StandIn) -> None:
    stand_in.tune(model_type="faceid", callback=HOOK)
    assert stand_in.let_pass(3600) == []


def test_a_deleted_thing_is_not_posted(stand_in: StandIn) -> None:
    tune, made = stand_in.tune(callback=HOOK), prompt(stand_in)
    stand_in.astria("DELETE", f"/tunes/{tune['id']}")
    stand_in.astria("DELETE", f"/prompts/{made['id']}")
    assert stand_in.let_pass(3600) == []


def test_a_callback_can_be_late(stand_in: StandIn) -> None:
    stand_in.change(astria_callback_delay_s=5)
    prompt(stand_in)
    assert [len(stand_in.let_pass(seconds)) for seconds in (3, 4.9, 0.1)] == [0, 0, 1]


def test_a_callback_can_come_before_the_creation_is_answered(stand_in: StandIn) -> None:
    stand_in.change(astria_callback_early=True, astria_callback_delay_s=60)
    tune = stand_in.tune(callback=HOOK)
    made = prompt(stand_in, text=f"<lora:{tune['id']}:1> ohwx woman")
    told = [json.loads(post.content) for post in stand_in.web.posts]
    assert [news.get("tune", news.get("prompt"))["id"] for news in told] == [tune["id"], made["id"]]
    assert told[0]["tune"]["trained_at"] is not None
    assert told[1]["prompt"]["images"] == made["images"] != []
    assert stand_in.let_pass(3600) == []


def test_what_is_not_called_back_takes_its_time_all_the_same(stand_in: StandIn) -> None:
    stand_in.change(astria_callback_early=True)
    assert stand_in.tune()["trained_at"] is None
    assert prompt(stand_in, callback=None)["images"] == []


def test_a_callback_can_tell_of_another_thing(stand_in: StandIn) -> None:
    stand_in.change(astria_callback_about="another")
    first, second = prompt(stand_in)["id"], prompt(stand_in)["id"]
    tune = stand_in.tune(callback=HOOK)["id"]
    news = stand_in.let_pass(11)
    assert {told["prompt"]["id"] for told in news if "prompt" in told} == {first, second}
    assert [told["tune"]["id"] for told in news if "tune" in told] == [tune + 1]
