from datetime import UTC, datetime, timedelta

import pytest

from character_identity.domain.webhook import (
    ATTEMPT_TAKES_AT_MOST,
    JITTER,
    RETRY_AFTER,
    Delivery,
    secret_of,
    signed_headers,
)
from tests.support.builders import NOON
from tests.support.event_fakes import SECRET, a_delivery, an_endpoint, an_event


def test_a_signature_is_the_one_that_the_standards_own_library_makes() -> None:
    """The vector of libraries/python/tests/test_webhooks.py in standard-webhooks, read 2026-11-23."""
    headers = signed_headers(
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        datetime.fromtimestamp(1614265330, UTC),
        b'{"test": 2432232314}',
    )
    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }


def test_a_secret_is_shown_in_the_standards_form() -> None:
    assert secret_of(bytes(24)) == "whsec_" + "A" * 32


def test_a_secret_is_not_in_what_gets_logged() -> None:
    assert SECRET.removeprefix("whsec_") not in repr(an_endpoint())


def test_an_endpoint_hears_of_what_happens_after_its_registration() -> None:
    before, after = NOON - timedelta(seconds=1), NOON + timedelta(seconds=1)
    assert an_endpoint(created_at=before).hears_of(an_event(settled_at=NOON))
    assert not an_endpoint(created_at=after).hears_of(an_event(settled_at=NOON))
    assert not an_endpoint(created_at=before, disabled_at=after).hears_of(an_event(settled_at=NOON))


def test_an_attempt_is_nobody_elses_until_it_must_have_ended() -> None:
    claimed = a_delivery().claim(NOON)
    assert not claimed.is_due(NOON + ATTEMPT_TAKES_AT_MOST - timedelta(seconds=1))
    assert claimed.is_due(NOON + ATTEMPT_TAKES_AT_MOST)


@pytest.mark.parametrize("status", [200, 201, 204, 299])
def test_a_2xx_is_a_delivery(status: int) -> None:
    delivered = a_delivery().claim(NOON).answered(status, NOON, 0)
    assert (delivered.state, delivered.next_attempt_at, delivered.last_status) == ("delivered", None, status)


def test_a_410_is_the_end() -> None:
    ended = a_delivery().claim(NOON).answered(410, NOON, 0)
    assert (ended.state, ended.next_attempt_at) == ("given_up", None)


@pytest.mark.parametrize("status", [199, 300, 301, 400, 401, 404, 409, 411, 429, 500, 503])
def test_any_other_answer_is_tried_again(status: int) -> None:
    pending = a_delivery().claim(NOON).answered(status, NOON, 0)
    assert (pending.state, pending.last_status) == ("pending", status)
    assert pending.next_attempt_at == NOON + timedelta(seconds=5)


def _failing(jitter: float) -> list[Delivery]:
    """A delivery after each of its attempts, each made when it was due."""
    delivery, history = a_delivery(), []
    while delivery.next_attempt_at is not None:
        now = delivery.next_attempt_at
        delivery = delivery.claim(now).failed("no_answer", now, jitter)
        history.append(delivery)
    return history


def test_ten_attempts_follow_the_schedule_of_the_specification() -> None:
    history = _failing(jitter=0)
    assert [delivery.next_attempt_at for delivery in history[:-1]] == [
        NOON + timedelta(hours=hours, minutes=minutes, seconds=5)
        for hours, minutes in (
            *((0, 0), (0, 5), (0, 35), (2, 35), (7, 35)),
            *((17, 35), (31, 35), (51, 35), (75, 35)),
        )
    ]
    assert (history[-1].state, history[-1].attempts) == ("given_up", 10)
    assert history[-1].last_error == "no_answer"


def test_waits_are_stretched_so_that_retries_do_not_meet() -> None:
    last = _failing(jitter=1)[-2].next_attempt_at
    assert last is not None
    assert last - NOON == sum(RETRY_AFTER, timedelta()) * (1 + JITTER)


def test_an_answer_replaces_an_earlier_error() -> None:
    failed = a_delivery().claim(NOON).failed("unknown_host", NOON, 0)
    assert failed.claim(NOON).answered(500, NOON, 0).last_error is None
