"""What providers post, from the request to the row in the table: the real handlers, with moto behind."""

import json
from importlib import import_module
from typing import Any

import httpx
import pytest

from character_identity.api.request import MAX_BODY_BYTES
from character_identity.domain.budget import settlement_of
from character_identity.domain.job import JobHandle
from tests.support.builders import a_generation_job
from tests.support.callback_doors import (
    ASTRIA,
    FOREIGN_KEY,
    GARBAGE,
    NOTICE,
    CallbackDoors,
    send,
    wait_for_callback,
)
from tests.support.handlers import Answer, Api, Context, api_event

HANDLE = JobHandle(provider_job_id="r1")


def code_of(answer: Answer) -> tuple[int, str]:
    assert answer.body.keys() == {"type", "title", "status", "detail", "code", "message"}
    return answer.status, answer.body["code"]


@pytest.fixture
def harness(api: Api) -> CallbackDoors:
    return CallbackDoors()


# fal


def test_fal_wakes_the_machine_that_waits_for_its_job(harness: CallbackDoors) -> None:
    harness.order()
    harness.ledger.submitted("training-i1", HANDLE)
    wait_for_callback("task-1")
    answer = harness.fal()
    assert (answer.status, answer.body) == (200, {})
    assert harness.workflows.woken == ["task-1"]
    assert harness.job().handle == HANDLE


def test_callback_of_fals_that_nobody_waits_for_yet_ends_the_next_wait(harness: CallbackDoors) -> None:
    harness.order()
    harness.fal()
    wait_for_callback("task-1")
    assert harness.workflows.woken == ["task-1"]


def test_what_comes_before_the_answer_to_the_order_says_how_to_find_the_job(harness: CallbackDoors) -> None:
    harness.order()
    assert harness.fal().status == 200
    job = harness.job()
    assert job.state == "submitted"
    assert job.handle is not None
    assert job.handle.provider_job_id == "r1"
    assert str(job.handle.status_url).startswith(
        "https://queue.test/fal-ai/flux-lora-fast-training/requests/r1"
    )


def test_the_bytes_count_in_whichever_form_they_come(harness: CallbackDoors) -> None:
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


def test_the_same_callback_fifty_times_is_the_same_as_once(harness: CallbackDoors) -> None:
    harness.order()
    answers = [harness.fal() for _ in range(50)]
    assert {answer.status for answer in answers} == {200}
    wait_for_callback("task-1")
    harness.ledger.consume_callback("training-i1")
    wait_for_callback("task-2")
    assert harness.workflows.woken == ["task-1"]
    assert harness.asked == 1


def test_a_settled_job_is_left_alone(harness: CallbackDoors) -> None:
    harness.order()
    harness.ledger.settle(harness.job(), settlement_of(harness.job()))
    assert harness.fal().status == 200
    assert (harness.job().open, harness.workflows.woken) == (False, [])


def test_forged_and_old_callback_is_refused(harness: CallbackDoors) -> None:
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


def test_refused_callback_changes_nothing(harness: CallbackDoors) -> None:
    harness.order()
    wait_for_callback("task-1")
    before = harness.job()
    harness.fal(headers=harness.signed(b"", key=FOREIGN_KEY))
    harness.fal(token="guess")
    assert (harness.job(), harness.workflows.woken) == (before, [])


def test_signed_callback_of_another_job_is_nobodys(harness: CallbackDoors) -> None:
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


def test_an_address_without_its_parameters_is_nobodys(harness: CallbackDoors) -> None:
    body = json.dumps(NOTICE).encode()
    answer = send("receive_fal_callback", "POST", "/webhooks/fal", body, harness.signed(body), {}, False)
    assert code_of(answer) == (404, "unknown_callback")


def test_a_job_that_is_known_is_not_changed_by_what_callback_says_of_another(harness: CallbackDoors) -> None:
    harness.order()
    harness.ledger.submitted("training-i1", HANDLE)
    assert harness.fal({**NOTICE, "request_id": "r9"}).status == 200
    assert harness.job().handle == HANDLE


def test_without_fals_keys_it_is_asked_to_come_again(harness: CallbackDoors) -> None:
    harness.order()
    harness.key_set = httpx.Response(503)
    assert code_of(harness.fal()) == (503, "provider_unavailable")
    assert harness.job().handle is None


@pytest.mark.parametrize("body", GARBAGE.values(), ids=GARBAGE)
def test_signed_garbage_wakes_and_says_nothing(harness: CallbackDoors, body: bytes) -> None:
    harness.order()
    wait_for_callback("task-1")
    assert harness.fal(body=body).status == 200
    assert (harness.job().handle, harness.workflows.woken) == (None, ["task-1"])
    assert code_of(harness.fal(body=body, headers={})) == (401, "invalid_signature")


def test_a_megabyte_is_read_and_no_more(harness: CallbackDoors) -> None:
    harness.order()
    too_long = b"x" * (MAX_BODY_BYTES + 1)
    assert code_of(harness.fal(body=too_long)) == (413, "body_too_large")
    assert code_of(harness.fal(body=too_long, headers={})) == (413, "body_too_large")
    assert code_of(harness.astria(body=too_long)) == (413, "body_too_large")
    assert harness.fal(body=b"x" * MAX_BODY_BYTES).status == 200
    assert harness.fal(body=b"x" * MAX_BODY_BYTES, in_base64=True).status == 200


@pytest.mark.parametrize("name", ["receive_fal_callback", "receive_astria_callback"])
def test_a_body_that_is_not_what_it_is_said_to_be_is_refused(harness: CallbackDoors, name: str) -> None:
    path = ASTRIA if "astria" in name else "/webhooks/fal"
    event = api_event("POST", path, body="no Base64!", in_base64=True)
    answer = import_module(f"functions.{name}.handler").lambda_handler(event, Context())
    assert (answer["statusCode"], json.loads(answer["body"])["code"]) == (400, "malformed_body")


def test_a_callback_is_logged_under_the_request_that_ordered_its_job(
    harness: CallbackDoors, caplog: pytest.LogCaptureFixture
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
    harness: CallbackDoors, caplog: pytest.LogCaptureFixture
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


def test_astria_wakes_the_machine_that_waits_for_its_job(harness: CallbackDoors) -> None:
    harness.order(provider="astria")
    wait_for_callback("task-1")
    answer = harness.astria()
    assert (answer.status, answer.body) == (200, {})
    assert harness.workflows.woken == ["task-1"]
    assert harness.job().handle == JobHandle(provider_job_id="77")


@pytest.mark.parametrize("content", [{"prompt": {"id": 78, "tune_id": 5}}, {"id": 78, "tune_id": 5}])
def test_astrias_images_are_found_by_their_number(harness: CallbackDoors, content: Any) -> None:
    harness.order(a_generation_job(provider="astria"))
    assert harness.astria(content, path="/webhooks/astria/generation-g1.secret").status == 200
    assert harness.job("generation-g1").handle == JobHandle(provider_job_id="78")


def test_the_same_callback_of_astria_fifty_times_is_the_same_as_once(harness: CallbackDoors) -> None:
    harness.order(provider="astria")
    assert {harness.astria().status for _ in range(50)} == {200}
    assert {harness.astria({"tune": {"id": 78}}).status for _ in range(50)} == {200}
    assert harness.job().handle == JobHandle(provider_job_id="77")


@pytest.mark.parametrize("body", [*GARBAGE.values(), b'{"tune": {"id": "77x"}}', b"x" * 1024 * 1024])
def test_garbage_from_who_knows_the_address_wakes_and_says_nothing(
    harness: CallbackDoors, body: bytes
) -> None:
    harness.order(provider="astria")
    wait_for_callback("task-1")
    assert harness.astria(body=body).status == 200
    assert harness.astria(body=body, in_base64=True).status == 200
    assert harness.job().handle is None
    assert set(harness.workflows.woken) == {"task-1"}


def test_an_address_that_somebody_guessed_is_nobodys(harness: CallbackDoors) -> None:
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


def test_a_settled_job_of_astrias_is_left_alone(harness: CallbackDoors) -> None:
    harness.order(provider="astria")
    harness.ledger.settle(harness.job(), settlement_of(harness.job()))
    assert harness.astria().status == 200
    assert (harness.job().open, harness.workflows.woken) == (False, [])


def test_nobody_gets_round_fals_signature_through_the_door_for_astria(harness: CallbackDoors) -> None:
    harness.order()
    assert code_of(harness.astria()) == (404, "unknown_callback")
    assert harness.job().handle is None


def test_the_addresses_that_providers_are_told_lead_here(harness: CallbackDoors) -> None:
    """Both halves of an address: the one that is written into an order, and the one that answers."""
    from character_identity.services.jobs.callback_addresses import CallbackAddresses

    callbacks = CallbackAddresses("https://api.test/")
    harness.order()
    url = httpx.URL(str(callbacks.url_for(harness.job())))
    body = json.dumps(NOTICE).encode()
    query = dict(url.params)
    assert (
        send("receive_fal_callback", "POST", url.path, body, harness.signed(body), query, False).status == 200
    )
    harness.order(a_generation_job(provider="astria"))
    url = httpx.URL(str(callbacks.url_for(harness.job("generation-g1"))))
    assert harness.astria(path=url.path).status == 200
