"""Webhooks: what is sent and when, its signature, retries, copies and losses."""

import base64
import hashlib
import json
from typing import Any

import httpx
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from jsonschema import Draft202012Validator

from local.simulators.contracts import contract
from tests.support.simulators import QUEUE, REST, StandIn

FLUX = "fal-ai/flux/dev"
HOOK = "https://app.test/hook?job=1&kind=flux"


def submit(stand_in: StandIn, hook: str = HOOK, **fields: Any) -> dict[str, Any]:
    body = {"prompt": "x", "image_size": "square", **fields}
    reply = stand_in.fal("POST", f"{QUEUE}/{FLUX}", params={"fal_webhook": hook}, json=body)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def signers(stand_in: StandIn, post: httpx.Request) -> list[bool]:
    """Which of the published keys have signed a delivery."""
    headers = [post.headers[f"x-fal-webhook-{name}"] for name in ("request-id", "user-id", "timestamp")]
    message = "\n".join([*headers, hashlib.sha256(post.content).hexdigest()]).encode()
    signature = bytes.fromhex(post.headers["x-fal-webhook-signature"])
    return [
        _verifies(key, signature, message)
        for key in stand_in.call("GET", f"{REST}/.well-known/jwks.json").json()["keys"]
    ]


def _verifies(key: dict[str, str], signature: bytes, message: bytes) -> bool:
    assert (key["kty"], key["crv"]) == ("OKP", "Ed25519")
    try:
        Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "=")).verify(
            signature, message
        )
    except InvalidSignature:
        return False
    return True


def test_the_result_is_posted_once_it_is_there(stand_in: StandIn) -> None:
    job = submit(stand_in)
    assert job["gateway_request_id"] == job["request_id"]
    assert stand_in.let_pass(2.9) == []
    [notice] = stand_in.let_pass(0.1)
    Draft202012Validator(contract("fal-webhook")).validate(notice)
    assert notice == {
        "request_id": job["request_id"],
        "gateway_request_id": job["request_id"],
        "status": "OK",
        "error": None,
        "payload": stand_in.fal("GET", job["response_url"]).json(),
    }
    assert str(stand_in.web.posts[0].url) == HOOK
    assert stand_in.let_pass(3600) == []


def test_a_failure_is_posted_too(stand_in: StandIn) -> None:
    job = submit(stand_in, num_images=9)
    [notice] = stand_in.let_pass(3)
    Draft202012Validator(contract("fal-webhook")).validate(notice)
    assert (notice["status"], notice["error"]) == ("ERROR", "Invalid status code: 422")
    assert notice["payload"] == stand_in.fal("GET", job["response_url"]).json()


def test_a_cancelled_request_is_posted_at_once_and_once(stand_in: StandIn) -> None:
    stand_in.fal("PUT", submit(stand_in)["cancel_url"])
    assert [notice["error"] for notice in stand_in.let_pass(60)] == ["Invalid status code: 499"]


def test_a_delivery_is_signed_with_one_of_the_published_keys(stand_in: StandIn) -> None:
    job = submit(stand_in)
    stand_in.let_pass(3)
    [post] = stand_in.web.posts
    assert post.headers["x-fal-webhook-request-id"] == job["request_id"]
    assert post.headers["x-fal-webhook-timestamp"] == str(int(stand_in.clock.now().timestamp()))
    assert signers(stand_in, post) == [False, True]
    forged = httpx.Request("POST", HOOK, headers=post.headers, content=post.content + b" ")
    assert signers(stand_in, forged) == [False, False]


def test_a_delivery_is_retried_until_it_is_taken(stand_in: StandIn) -> None:
    stand_in.web.answers = [500, 404, None, 204]
    submit(stand_in)
    seen = [len(stand_in.let_pass(seconds)) for seconds in (3, 0.9, 0.1, 2, 4, 3600)]
    assert seen == [1, 0, 1, 1, 1, 0]
    timestamps = [int(post.headers["x-fal-webhook-timestamp"]) for post in stand_in.web.posts]
    assert [stamp - timestamps[0] for stamp in timestamps] == [0, 1, 3, 7]


def test_retries_end_when_the_result_expires(stand_in: StandIn) -> None:
    stand_in.change(fal_result_lifetime_s=5)
    stand_in.web.answers = [500] * 9
    submit(stand_in)
    assert [len(stand_in.let_pass(seconds)) for seconds in (3, 1, 2, 4, 100)] == [1, 1, 1, 0, 0]


def test_a_redirect_ends_the_delivery(stand_in: StandIn) -> None:
    stand_in.web.answers = [302]
    submit(stand_in)
    assert len(stand_in.let_pass(3)) == 1
    assert stand_in.let_pass(3600) == []


@pytest.mark.parametrize("copies", [0, 2])
def test_deliveries_can_be_lost_or_doubled(stand_in: StandIn, copies: int) -> None:
    stand_in.change(fal_webhook_copies=copies)
    submit(stand_in)
    notices = stand_in.let_pass(3)
    assert len(notices) == copies
    assert notices[1:] == notices[:1] * (copies - 1)


def test_deliveries_can_overtake_one_another(stand_in: StandIn) -> None:
    first = submit(stand_in)["request_id"]
    stand_in.change(fal_webhook_delay_s=5)
    assert stand_in.let_pass(3) == []
    stand_in.change(fal_webhook_delay_s=0)
    second = submit(stand_in)["request_id"]
    assert [notice["request_id"] for notice in stand_in.let_pass(3) + stand_in.let_pass(2)] == [second, first]


@pytest.mark.parametrize("hook", ["", "nonsense", "ftp://app.test/"])
def test_a_hook_that_is_no_url_hears_nothing(stand_in: StandIn, hook: str) -> None:
    job = submit(stand_in, hook)
    assert stand_in.let_pass(3) == []
    assert stand_in.fal("GET", job["response_url"]).status_code == 200


def test_a_webhook_can_come_before_the_submit_is_answered(stand_in: StandIn) -> None:
    stand_in.change(fal_webhook_early=True, fal_webhook_copies=2, fal_webhook_delay_s=60)
    job = submit(stand_in)
    told = [json.loads(post.content) for post in stand_in.web.posts]
    assert [(notice["request_id"], notice["status"]) for notice in told] == [(job["request_id"], "OK")] * 2
    result = stand_in.fal("GET", job["response_url"])
    assert (result.status_code, result.json()) == (200, told[0]["payload"])
    assert stand_in.let_pass(3600) == []


def test_a_submit_does_not_wait_for_who_takes_no_early_webhook(stand_in: StandIn) -> None:
    stand_in.change(fal_webhook_early=True)
    stand_in.web.answers = [500, 200]
    submit(stand_in)
    assert [len(stand_in.web.posts), len(stand_in.let_pass(1)), len(stand_in.let_pass(3600))] == [1, 1, 0]


def test_a_webhook_can_tell_of_another_request(stand_in: StandIn) -> None:
    stand_in.change(fal_webhook_about="another")
    first, second = submit(stand_in)["request_id"], submit(stand_in)["request_id"]
    named = {notice["request_id"] for notice in stand_in.let_pass(3)}
    assert named == {first, second}
    assert {post.headers["x-fal-webhook-request-id"] for post in stand_in.web.posts} == named
    assert all(signers(stand_in, post) == [False, True] for post in stand_in.web.posts)


def test_a_webhook_can_tell_of_a_request_that_nobody_knows(stand_in: StandIn) -> None:
    stand_in.change(fal_webhook_about="another")
    job = submit(stand_in)
    [notice] = stand_in.let_pass(3)
    assert notice["request_id"] != job["request_id"]
    assert (
        stand_in.fal("GET", job["status_url"].replace(job["request_id"], notice["request_id"])).status_code
        == 404
    )


@pytest.mark.parametrize(
    ("manner", "signed_by", "age_s"),
    [("valid", [False, True], 0), ("forged", [False, False], 0), ("stale", [False, True], 600)],
)
def test_a_signature_can_be_forged_or_old(
    stand_in: StandIn, manner: str, signed_by: list[bool], age_s: int
) -> None:
    stand_in.change(fal_webhook_signature=manner)
    submit(stand_in)
    stand_in.let_pass(3)
    [post] = stand_in.web.posts
    assert signers(stand_in, post) == signed_by
    age = int(stand_in.clock.now().timestamp()) - int(post.headers["x-fal-webhook-timestamp"])
    assert age == age_s
