"""A part of AWS, or a provider, is away for long while a job is paid: it goes on then, and is paid once."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from tests.support.in_process.harness import Harness, harness

STORE, KEYS, TABLE = "s3 PutObject", "secretsmanager GetSecretValue", "dynamodb"


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch) -> Iterator[Harness]:
    with harness(monkeypatch) as ready:
        yield ready


@pytest.mark.parametrize("provider", ["fal-lora", "fal-instant"])
def test_what_is_paid_is_stored_once_the_bucket_is_back(
    inside: Harness, provider: str, capsys: pytest.CaptureFixture[str]
) -> None:
    ordered = _ordered(inside, provider)
    _take_away(inside, STORE, timedelta(hours=5))
    inside.run(timedelta(hours=6))
    assert ordered()["status"] in {"ready", "succeeded"}
    assert "ParkedResults" in capsys.readouterr().out, "the operator is told"
    assert (len(inside.paid()), inside.open_work()) == (1, [])


@pytest.mark.parametrize("provider", ["fal-lora", "fal-instant"])
def test_what_could_not_be_stored_for_six_hours_has_failed_and_was_paid(
    inside: Harness, provider: str
) -> None:
    ordered = _ordered(inside, provider)
    _take_away(inside, STORE, timedelta(days=1))
    inside.run(timedelta(hours=9))
    assert (ordered()["status"], ordered()["error"]["code"]) == ("failed", "internal_error")
    assert ordered()["metadata"]["cost"] > 0
    assert (len(inside.paid()), inside.open_work()) == (1, [])


@pytest.mark.parametrize("provider", ["fal-lora", "astria"])
def test_a_training_goes_on_once_the_keys_are_back(inside: Harness, provider: str) -> None:
    ordered = _ordered(inside, provider)
    inside.let_pass(60)
    assert len(inside.paid()) == 1
    _take_away(inside, KEYS, timedelta(minutes=40))
    inside.run()
    assert ordered()["status"] == "ready"
    assert (len(inside.paid()), inside.open_work()) == (1, [])


@pytest.mark.parametrize("provider", ["fal-lora", "astria", "fal-instant"])
def test_what_the_provider_has_done_is_taken_though_nobody_could_ask_until_it_was_too_late(
    inside: Harness, provider: str
) -> None:
    ordered = _ordered(inside, provider)
    inside.let_pass(5)
    assert len(inside.paid()) == 1
    _take_away(inside, TABLE, timedelta(hours=4))
    inside.let_pass(4 * 3600)
    inside.run()
    assert ordered()["status"] in {"ready", "succeeded"}
    assert (len(inside.paid()), inside.open_work()) == (1, [])


@pytest.mark.parametrize("provider", ["fal-lora", "astria", "fal-instant"])
@pytest.mark.parametrize(("part", "is_taken"), [(TABLE, True), (KEYS, False)], ids=["taken", "not taken"])
def test_what_became_of_an_order_is_known_though_its_answer_was_lost_and_nobody_could_look_it_up(
    inside: Harness, monkeypatch: pytest.MonkeyPatch, part: str, provider: str, is_taken: bool
) -> None:
    inside.simulator.change(fal_webhook_copies=0, astria_callback_copies=0)
    lost: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        is_order = request.method == "POST" and not request.url.path.startswith("/fal/rest")
        if not is_order or lost:
            return inside._answer(request)
        lost.append(request)
        _take_away(inside, part, timedelta(hours=4))
        if is_taken:
            inside._answer(request)
        raise httpx.ReadTimeout("cut", request=request)

    inside.faulty_transport.watch_http(monkeypatch, answer)
    ordered = _ordered(inside, provider)
    inside.let_pass(4 * 3600)
    inside.run()
    if is_taken:
        assert ordered()["status"] in {"ready", "succeeded"}
    else:
        assert ordered()["error"]["code"] == "not_ordered"
        assert ordered()["metadata"]["cost"] == 0
    assert (len(inside.paid()), inside.open_work()) == (int(is_taken), [])


@pytest.mark.parametrize(
    ("provider", "minutes", "is_answered"),
    [("fal-instant", 70, True), ("fal-lora", 110, True), ("astria", 140, True), ("fal-instant", 40, False)],
)
def test_what_the_provider_has_done_is_taken_though_it_was_away_past_the_deadline(
    inside: Harness, monkeypatch: pytest.MonkeyPatch, provider: str, minutes: float, is_answered: bool
) -> None:
    inside.simulator.change(fal_webhook_copies=0, astria_callback_copies=0)
    back_at = inside.now() + timedelta(minutes=minutes)

    def answer(request: httpx.Request) -> httpx.Response:
        if inside.paid() and inside.now() < back_at:
            raise httpx.ConnectError("away", request=request)
        answer = inside._answer(request)
        if inside.paid() and inside.now() < back_at and not is_answered:
            raise httpx.ReadTimeout("cut", request=request)
        return answer

    inside.faulty_transport.watch_http(monkeypatch, answer)
    ordered = _ordered(inside, provider)
    inside.run()
    assert ordered()["status"] in {"ready", "succeeded"}
    assert (len(inside.paid()), inside.open_work()) == (1, [])


@pytest.mark.parametrize("minutes", [17, 40])
def test_pictures_are_taken_once_the_keys_are_back(inside: Harness, minutes: float) -> None:
    ordered = _ordered(inside, "fal-instant")
    inside.let_pass(1)
    assert len(inside.paid()) == 1
    _take_away(inside, KEYS, timedelta(minutes=minutes))
    inside.run()
    assert ordered()["status"] == "succeeded"
    assert (len(inside.paid()), inside.open_work()) == (1, [])


def _ordered(inside: Harness, provider: str) -> Callable[[], dict[str, Any]]:
    """Order a training, or pictures, and return how to read what becomes of it."""
    references = inside.uploads(1 if provider == "fal-instant" else 5)
    order = {"name": "Sarah", "provider": provider, "className": "woman", "references": references}
    identity_id = inside.call("create_identity", "POST", "/v1/identities", order).body["characterId"]
    function, path = "get_identity", f"/v1/identities/{identity_id}"
    if provider == "fal-instant":
        answer = inside.call(
            "create_generation", "POST", f"{path}/generations", {"prompt": "Sarah runs", "numImages": 2}
        )
        function, path = "get_generation", f"/v1/generations/{answer.body['generationId']}"
    return lambda: inside.call(function, "GET", path).body


def _take_away(inside: Harness, call: str, for_so_long: timedelta) -> None:
    """From now on such calls, or all to such a service, fail, in sandboxes that are new."""
    back_at = inside.clock.now() + for_so_long

    def fails(what: str, side: str) -> None:
        if call in (what, what.partition(" ")[0]) and side == "before" and inside.clock.now() < back_at:
            service, _, operation = what.partition(" ")
            answer = {"Error": {"Code": "ServiceUnavailable", "Message": f"{service} is away"}}
            raise ClientError(answer, operation)

    inside.faulty_transport.moment = fails
    inside.change()
