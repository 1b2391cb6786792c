"""Astria's callbacks: wrapped, unsigned, once; and none about failures."""

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from local.providers.contracts import contract
from tests.local.providers.stand_in import StandIn

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


def test_a_drawn_prompt_is_posted(stand_in: StandIn) -> None:
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
