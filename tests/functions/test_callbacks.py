"""What providers post, from the request to the row in the table: the real handlers, with moto behind."""

import base64
import hashlib
import json
from importlib import import_module
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from character_identity import wiring
from character_identity.aws.ledger_table import accepting
from character_identity.domain.budget import settlement_of
from character_identity.domain.job import JobHandle, ProviderJob
from character_identity.providers.fal.webhook_signature import MAX_BODY_BYTES, FalSignatures
from tests.support.builders import DEADLINE, NOON, a_generation_job, a_job
from tests.support.fakes import Clock, FakeWorkflows
from tests.support.handlers import Answer, Api, Context, api_event
from tests.support.http import scripted_client

KEY, FOREIGN_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([n] * 32)) for n in (1, 2))
NOTICE = {"request_id": "r1", "gateway_request_id": "r2", "status": "OK", "payload": {"private": "words"}}
TUNE = {"tune": {"id": 77, "title": "private words"}}
ASTRIA = "/webhooks/astria/training-i1.secret"
HANDLE = JobHandle(provider_job_id="r1")
LIMIT = 100_000_000


class Harness:
    """The doors for providers, one job behind them, and the machine that may wait for it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.workflows = FakeWorkflows()
        self.key_set: httpx.Response = httpx.Response(200, json={"keys": [_jwk(KEY)]})
        self.asked = 0
        client = scripted_client(self._publish)
        services = wiring.services()
        services.fal_signatures = FalSignatures(client, "https://rest.test/jwks", self.clock)
        services.state_machines = self.workflows  # moto runs no machines
        self.ledger = services.ledger

    def order(self, job: ProviderJob | None = None, **changes: Any) -> None:
        """A job that was just sent to its provider, which did not answer yet."""
        job = job or a_job(**changes)
        wiring.services().table.transact(accepting(job, LIMIT))
        self.ledger.intend(job.job_id, NOON, DEADLINE)

    def job(self, job_id: str = "training-i1") -> ProviderJob:
        job = self.ledger.get(job_id)
        assert job is not None
        return job

    def fal(
        self,
        content: Any = NOTICE,
        *,
        body: bytes | None = None,
        job: str = "training-i1",
        token: str = "secret",
        headers: dict[str, str] | None = None,
        in_base64: bool = False,
        method: str = "POST",
    ) -> Answer:
        body = json.dumps(content).encode() if body is None else body
        headers = self.signed(body) if headers is None else headers
        query = {"job": job, "token": token}
        return _send("receive_fal_callback", method, "/webhooks/fal", body, headers, query, in_base64)

    def astria(
        self,
        content: Any = TUNE,
        *,
        body: bytes | None = None,
        path: str = ASTRIA,
        in_base64: bool = False,
        method: str = "POST",
    ) -> Answer:
        body = json.dumps(content).encode() if body is None else body
        return _send("receive_astria_callback", method, path, body, {}, {}, in_base64)

    def signed(self, body: bytes, key: Ed25519PrivateKey = KEY, age_s: int = 0) -> dict[str, str]:
        timestamp = str(int(self.clock().timestamp()) - age_s)
        message = "\n".join(["r2", "u1", timestamp, hashlib.sha256(body).hexdigest()])
        return {
            "x-fal-webhook-request-id": "r2",
            "x-fal-webhook-user-id": "u1",
            "x-fal-webhook-timestamp": timestamp,
            "x-fal-webhook-signature": key.sign(message.encode()).hex(),
        }

    def _publish(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return self.key_set


def _jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    point = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=")
    return {"kty": "OKP", "crv": "Ed25519", "x": point.decode()}


def _send(
    name: str,
    method: str,
    path: str,
    body: bytes,
    headers: dict[str, str],
    query: dict[str, str],
    in_base64: bool,
) -> Answer:
    content = base64.b64encode(body).decode() if in_base64 else body.decode()
    event = api_event(method, path, body=content, in_base64=in_base64, query=query, headers=headers)
    answer = import_module(f"functions.{name}.handler").lambda_handler(event, Context())
    return Answer(answer["statusCode"], json.loads(answer["body"]), answer.get("headers", {}))


def wait_for_callback(wake_token: str) -> None:
    """What the state machine does when it begins to wait for the training."""
    event = {"wake_token": wake_token, "state": {"job_id": "training-i1", "state": "training"}}
    import_module("functions.wait_for_callback.handler").lambda_handler(event, Context())


def code_of(answer: Answer) -> tuple[int, str]:
    assert answer.body.keys() == {"code", "message"}
    return answer.status, answer.body["code"]


@pytest.fixture
def harness(api: Api) -> Harness:
    return Harness()


# fal


def test_fal_wakes_the_machine_that_waits_for_its_job(harness: Harness) -> None:
    harness.order()
    harness.ledger.submitted("training-i1", HANDLE)
    wait_for_callback("task-1")
    answer = harness.fal()
    assert (answer.status, answer.body) == (200, {})
    assert harness.workflows.woken == ["task-1"]
    assert harness.job().handle == HANDLE


def test_callback_of_fals_that_nobody_waits_for_yet_ends_the_next_wait(harness: Harness) -> None:
    harness.order()
    harness.fal()
    wait_for_callback("task-1")
    assert harness.workflows.woken == ["task-1"]


def test_what_comes_before_the_answer_to_the_order_says_how_to_find_the_job(harness: Harness) -> None:
    harness.order()
    assert harness.fal().status == 200
    job = harness.job()
    assert job.state == "submitted"
    assert job.handle is not None
    assert job.handle.provider_job_id == "r1"
    assert str(job.handle.status_url).startswith(
        "https://queue.test/fal-ai/flux-lora-fast-training/requests/r1"
    )


def test_the_bytes_count_in_whichever_form_they_come(harness: Harness) -> None:
    harness.order()
    body = '{"request_id": "r1",  "prompt": "Zoë"}'.encode()
    assert harness.fal(body=body).status == 200
    assert harness.fal(body=body, in_base64=True).status == 200
    assert code_of(harness.fal(body=body + b" ", headers=harness.signed(body), in_base64=True)) == (
        401,
        "invalid_signature",
    )
    binary = b"\xff\xfe"
    assert harness.fal(body=binary, in_base64=True).status == 200


def test_the_same_callback_fifty_times_is_the_same_as_once(harness: Harness) -> None:
    harness.order()
    answers = [harness.fal() for _ in range(50)]
    assert {answer.status for answer in answers} == {200}
    wait_for_callback("task-1")
    harness.ledger.consume_callback("training-i1")
    wait_for_callback("task-2")
    assert harness.workflows.woken == ["task-1"]
    assert harness.asked == 1


def test_a_settled_job_is_left_alone(harness: Harness) -> None:
    harness.order()
    harness.ledger.settle(harness.job(), settlement_of(harness.job()))
    assert harness.fal().status == 200
    assert (harness.job().open, harness.workflows.woken) == (False, [])


def test_forged_and_old_callback_is_refused(harness: Harness) -> None:
    harness.order()
    body = json.dumps(NOTICE).encode()
    refused: list[dict[str, str]] = [
        {},
        harness.signed(body, key=FOREIGN_KEY),
        harness.signed(body, age_s=301),
        harness.signed(body, age_s=-301),
        harness.signed(body + b" "),
        harness.signed(body) | {"x-fal-webhook-signature": ""},
    ]
    for headers in refused:
        assert code_of(harness.fal(headers=headers)) == (401, "invalid_signature")
    harness.clock.pass_by(seconds=200)
    replayed = harness.signed(body, age_s=200)
    assert harness.fal(headers=replayed).status == 200
    harness.clock.pass_by(seconds=101)
    assert code_of(harness.fal(headers=replayed)) == (401, "invalid_signature")


def test_refused_callback_changes_nothing(harness: Harness) -> None:
    harness.order()
    wait_for_callback("task-1")
    before = harness.job()
    harness.fal(headers=harness.signed(b"", key=FOREIGN_KEY))
    harness.fal(token="guess")
    assert (harness.job(), harness.workflows.woken) == (before, [])


def test_signed_callback_of_another_job_is_nobodys(harness: Harness) -> None:
    harness.order()
    harness.order(a_generation_job(callback_token="other"))
    for job, token in (
        ("training-i1", "guess"),
        ("training-i2", "secret"),
        ("generation-g1", "secret"),
        ("", ""),
        ("training-i1,training-i1", "secret,secret"),
        ("x" * 3000, "x" * 3000),
        ("\ud800", "\ud800"),
    ):
        assert code_of(harness.fal(job=job, token=token)) == (404, "unknown_callback")
    assert (harness.job().handle, harness.job("generation-g1").handle) == (None, None)


def test_an_address_without_its_parameters_is_nobodys(harness: Harness) -> None:
    body = json.dumps(NOTICE).encode()
    answer = _send("receive_fal_callback", "POST", "/webhooks/fal", body, harness.signed(body), {}, False)
    assert code_of(answer) == (404, "unknown_callback")


def test_a_job_that_is_known_is_not_changed_by_what_callback_says_of_another(harness: Harness) -> None:
    harness.order()
    harness.ledger.submitted("training-i1", HANDLE)
    assert harness.fal({**NOTICE, "request_id": "r9"}).status == 200
    assert harness.job().handle == HANDLE


def test_without_fals_keys_it_is_asked_to_come_again(harness: Harness) -> None:
    harness.order()
    harness.key_set = httpx.Response(503)
    assert code_of(harness.fal()) == (503, "provider_unavailable")
    assert harness.job().handle is None


GARBAGE = {"nothing": b"", "no JSON": b"<html>", "list": b"[]", "deep": b"[" * 50_000, "number": b"9" * 5000}


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_signed_garbage_wakes_and_says_nothing(harness: Harness, body: bytes) -> None:
    harness.order()
    wait_for_callback("task-1")
    assert harness.fal(body=body).status == 200
    assert (harness.job().handle, harness.workflows.woken) == (None, ["task-1"])
    assert code_of(harness.fal(body=body, headers={})) == (401, "invalid_signature")


def test_a_megabyte_is_read_and_no_more(harness: Harness) -> None:
    harness.order()
    too_long = b"x" * (MAX_BODY_BYTES + 1)
    assert code_of(harness.fal(body=too_long)) == (400, "body_too_large")
    assert code_of(harness.fal(body=too_long, headers={})) == (400, "body_too_large")
    assert harness.fal(body=b"x" * MAX_BODY_BYTES).status == 200


@pytest.mark.parametrize("name", ["receive_fal_callback", "receive_astria_callback"])
def test_a_body_that_is_not_what_it_is_said_to_be_is_refused(harness: Harness, name: str) -> None:
    path = ASTRIA if "astria" in name else "/webhooks/fal"
    event = api_event("POST", path, body="no Base64!", in_base64=True)
    answer = import_module(f"functions.{name}.handler").lambda_handler(event, Context())
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (400, "malformed_body")


def test_a_callback_is_logged_under_the_request_that_ordered_its_job(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    harness.order(correlation_id="the order's")
    assert harness.fal().status == 200
    said = vars(caplog.records[-1])
    assert [said[name] for name in ("message", "correlation_id", "job_id", "provider", "request_id")] == [
        "answered",
        "the order's",
        "training-i1",
        "fal-lora",
        "r",
    ]


def test_nothing_of_what_was_posted_and_no_secret_is_logged(
    harness: Harness, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    harness.order()
    harness.order(a_generation_job(provider="astria"))
    harness.fal()
    harness.fal(headers={})
    harness.fal(token="guess")
    harness.astria(path="/webhooks/astria/generation-g1.secret")
    harness.astria(path="/webhooks/astria/generation-g1.guess")
    harness.key_set = httpx.Response(503)
    harness.clock.pass_by(days=2)
    harness.fal()
    logged = caplog.text + "".join(str(vars(record)) for record in caplog.records)
    assert "its keys" in logged or "without keys" in logged
    for private in ("private", "words", "guess", "secret", "x-fal-webhook"):
        assert private not in logged


# Astria


def test_astria_wakes_the_machine_that_waits_for_its_job(harness: Harness) -> None:
    harness.order(provider="astria")
    wait_for_callback("task-1")
    answer = harness.astria()
    assert (answer.status, answer.body) == (200, {})
    assert harness.workflows.woken == ["task-1"]
    assert harness.job().handle == JobHandle(provider_job_id="77")


@pytest.mark.parametrize("content", [{"prompt": {"id": 78, "tune_id": 5}}, {"id": 78, "tune_id": 5}])
def test_astrias_images_are_found_by_their_number(harness: Harness, content: Any) -> None:
    harness.order(a_generation_job(provider="astria"))
    assert harness.astria(content, path="/webhooks/astria/generation-g1.secret").status == 200
    assert harness.job("generation-g1").handle == JobHandle(provider_job_id="78")


def test_the_same_callback_of_astria_fifty_times_is_the_same_as_once(harness: Harness) -> None:
    harness.order(provider="astria")
    assert {harness.astria().status for _ in range(50)} == {200}
    assert {harness.astria({"tune": {"id": 78}}).status for _ in range(50)} == {200}
    assert harness.job().handle == JobHandle(provider_job_id="77")


@pytest.mark.parametrize("body", [*GARBAGE.values(), b'{"tune": {"id": "77x"}}', b"x" * 1024 * 1024])
def test_garbage_from_who_knows_the_address_wakes_and_says_nothing(harness: Harness, body: bytes) -> None:
    harness.order(provider="astria")
    wait_for_callback("task-1")
    assert harness.astria(body=body).status == 200
    assert harness.astria(body=body, in_base64=True).status == 200
    assert harness.job().handle is None
    assert set(harness.workflows.woken) == {"task-1"}


def test_an_address_that_somebody_guessed_is_nobodys(harness: Harness) -> None:
    harness.order(provider="astria")
    harness.order(a_generation_job(provider="astria", callback_token="other"))
    for token in (
        "training-i1.guess",
        "training-i1.",
        "training-i1",
        ".secret",
        "training-i2.secret",
        "generation-g1.secret",
        "training-i1.secret.x",
        "x" * 3000,
    ):
        assert code_of(harness.astria(path=f"/webhooks/astria/{token}")) == (404, "unknown_callback")
    assert (harness.job().handle, harness.job("generation-g1").handle) == (None, None)


def test_a_settled_job_of_astrias_is_left_alone(harness: Harness) -> None:
    harness.order(provider="astria")
    harness.ledger.settle(harness.job(), settlement_of(harness.job()))
    assert harness.astria().status == 200
    assert (harness.job().open, harness.workflows.woken) == (False, [])


def test_nobody_gets_round_fals_signature_through_the_door_for_astria(harness: Harness) -> None:
    harness.order()
    assert code_of(harness.astria()) == (404, "unknown_callback")
    assert harness.job().handle is None


def test_the_addresses_that_providers_are_told_lead_here(harness: Harness) -> None:
    """Both halves of an address: the one that is written into an order, and the one that answers."""
    from character_identity.services.jobs.callback_addresses import CallbackAddresses

    callbacks = CallbackAddresses("https://api.test/")
    harness.order()
    url = httpx.URL(str(callbacks.url_for(harness.job())))
    body = json.dumps(NOTICE).encode()
    query = dict(url.params)
    assert (
        _send("receive_fal_callback", "POST", url.path, body, harness.signed(body), query, False).status
        == 200
    )
    harness.order(a_generation_job(provider="astria"))
    url = httpx.URL(str(callbacks.url_for(harness.job("generation-g1"))))
    assert harness.astria(path=url.path).status == 200
