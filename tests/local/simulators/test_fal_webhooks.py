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
from tests.support.simulators import QUEUE, REST, Simulation

FLUX = "fal-ai/flux/dev"
HOOK = "https://app.test/hook?job=1&kind=flux"


def submit(simulator: Simulation, hook: str = HOOK, **fields: Any) -> dict[str, Any]:
    body = {"prompt": "x", "image_size": "square", **fields}
    reply = simulator.fal("POST", f"{QUEUE}/{FLUX}", params={"fal_webhook": hook}, json=body)
    assert reply.status_code == 200, reply.text
    return dict(reply.json())


def signers(simulator: Simulation, post: httpx.Request) -> list[bool]:
    """Return the indices of the published keys that have signed a delivery."""
    headers = [post.headers[f"x-fal-webhook-{name}"] for name in ("request-id", "user-id", "timestamp")]
    message = "\n".join([*headers, hashlib.sha256(post.content).hexdigest()]).encode()
    signature = bytes.fromhex(post.headers["x-fal-webhook-signature"])
    return [
        _verifies(key, signature, message)
        for key in simulator.call("GET", f"{REST}/.well-known/jwks.json").json()["keys"]
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


def test_the_result_is_posted_once_it_is_there(simulator: Simulation) -> None:
    job = submit(simulator)
    assert job["gateway_request_id"] == job["request_id"]
    assert simulator.let_pass(2.9) == []
    [notice] = simulator.let_pass(0.1)
    Draft202012Validator(contract("fal-webhook")).validate(notice)
    assert notice == {
        "request_id": job["request_id"],
        "gateway_request_id": job["request_id"],
        "status": "OK",
        "error": None,
        "payload": simulator.fal("GET", job["response_url"]).json(),
    }
    assert str(simulator.web.posts[0].url) == HOOK
    assert simulator.let_pass(3600) == []


def test_a_failure_is_posted_too(simulator: Simulation) -> None:
    job = submit(simulator, num_images=9)
    [notice] = simulator.let_pass(3)
    Draft202012Validator(contract("fal-webhook")).validate(notice)
    assert (notice["status"], notice["error"]) == ("ERROR", "Invalid status code: 422")
    assert notice["payload"] == simulator.fal("GET", job["response_url"]).json()


def test_a_cancelled_request_is_posted_at_once_and_once(simulator: Simulation) -> None:
    simulator.fal("PUT", submit(simulator)["cancel_url"])
    assert [notice["error"] for notice in simulator.let_pass(60)] == ["Invalid status code: 499"]


def test_a_delivery_is_signed_with_one_of_the_published_keys(simulator: Simulation) -> None:
    job = submit(simulator)
    simulator.let_pass(3)
    [post] = simulator.web.posts
    assert post.headers["x-fal-webhook-request-id"] == job["request_id"]
    assert post.headers["x-fal-webhook-timestamp"] == str(int(simulator.clock.now().timestamp()))
    assert signers(simulator, post) == [False, True]
    forged = httpx.Request("POST", HOOK, headers=post.headers, content=post.content + b" ")
    assert signers(simulator, forged) == [False, False]


def test_a_delivery_is_retried_until_it_is_taken(simulator: Simulation) -> None:
    simulator.web.answers = [500, 404, None, 204]
    submit(simulator)
    seen = [len(simulator.let_pass(seconds)) for seconds in (3, 0.9, 0.1, 2, 4, 3600)]
    assert seen == [1, 0, 1, 1, 1, 0]
    timestamps = [int(post.headers["x-fal-webhook-timestamp"]) for post in simulator.web.posts]
    assert [stamp - timestamps[0] for stamp in timestamps] == [0, 1, 3, 7]


def test_retries_end_when_the_result_expires(simulator: Simulation) -> None:
    simulator.change(fal_result_lifetime_s=5)
    simulator.web.answers = [500] * 9
    submit(simulator)
    assert [len(simulator.let_pass(seconds)) for seconds in (3, 1, 2, 4, 100)] == [1, 1, 1, 0, 0]


def test_a_redirect_ends_the_delivery(simulator: Simulation) -> None:
    simulator.web.answers = [302]
    submit(simulator)
    assert len(simulator.let_pass(3)) == 1
    assert simulator.let_pass(3600) == []


@pytest.mark.parametrize("copies", [0, 2])
def test_deliveries_can_be_lost_or_doubled(simulator: Simulation, copies: int) -> None:
    simulator.change(fal_webhook_copies=copies)
    submit(simulator)
    callbacks = simulator.let_pass(3)
    assert len(callbacks) == copies
    assert callbacks[1:] == callbacks[:1] * (copies - 1)


def test_deliveries_can_overtake_one_another(simulator: Simulation) -> None:
    first = submit(simulator)["request_id"]
    simulator.change(fal_webhook_delay_s=5)
    assert simulator.let_pass(3) == []
    simulator.change(fal_webhook_delay_s=0)
    second = submit(simulator)["request_id"]
    assert [notice["request_id"] for notice in simulator.let_pass(3) + simulator.let_pass(2)] == [
        second,
        first,
    ]


@pytest.mark.parametrize("hook", ["", "nonsense", "ftp://app.test/"])
def test_a_hook_that_is_no_url_hears_nothing(simulator: Simulation, hook: str) -> None:
    job = submit(simulator, hook)
    assert simulator.let_pass(3) == []
    assert simulator.fal("GET", job["response_url"]).status_code == 200


def test_a_webhook_can_come_before_the_submit_is_answered(simulator: Simulation) -> None:
    simulator.change(fal_webhook_early=True, fal_webhook_copies=2, fal_webhook_delay_s=60)
    job = submit(simulator)
    posts = [json.loads(post.content) for post in simulator.web.posts]
    assert [(notice["request_id"], notice["status"]) for notice in posts] == [(job["request_id"], "OK")] * 2
    result = simulator.fal("GET", job["response_url"])
    assert (result.status_code, result.json()) == (200, posts[0]["payload"])
    assert simulator.let_pass(3600) == []


def test_a_submit_does_not_wait_for_who_takes_no_early_webhook(simulator: Simulation) -> None:
    simulator.change(fal_webhook_early=True)
    simulator.web.answers = [500, 200]
    submit(simulator)
    assert [len(simulator.web.posts), len(simulator.let_pass(1)), len(simulator.let_pass(3600))] == [1, 1, 0]


def test_a_webhook_can_tell_of_another_request(simulator: Simulation) -> None:
    simulator.change(fal_webhook_about="another")
    first, second = submit(simulator)["request_id"], submit(simulator)["request_id"]
    named = {notice["request_id"] for notice in simulator.let_pass(3)}
    assert named == {first, second}
    assert {post.headers["x-fal-webhook-request-id"] for post in simulator.web.posts} == named
    assert all(signers(simulator, post) == [False, True] for post in simulator.web.posts)


def test_a_webhook_can_tell_of_a_request_that_nobody_knows(simulator: Simulation) -> None:
    simulator.change(fal_webhook_about="another")
    job = submit(simulator)
    [notice] = simulator.let_pass(3)
    assert notice["request_id"] != job["request_id"]
    assert (
        simulator.fal("GET", job["status_url"].replace(job["request_id"], notice["request_id"])).status_code
        == 404
    )


@pytest.mark.parametrize(
    ("manner", "signed_by", "age_s"),
    [("valid", [False, True], 0), ("forged", [False, False], 0), ("stale", [False, True], 600)],
)
def test_a_signature_can_be_forged_or_old(
    simulator: Simulation, manner: str, signed_by: list[bool], age_s: int
) -> None:
    simulator.change(fal_webhook_signature=manner)
    submit(simulator)
    simulator.let_pass(3)
    [post] = simulator.web.posts
    assert signers(simulator, post) == signed_by
    age = int(simulator.clock.now().timestamp()) - int(post.headers["x-fal-webhook-timestamp"])
    assert age == age_s
