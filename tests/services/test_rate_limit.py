from datetime import timedelta

import pytest

from character_identity.domain.errors import TooManyRequests
from character_identity.services.rate_limit import RateLimit
from tests.support.api_fakes import FakeRequestCounts
from tests.support.builders import NOON
from tests.support.fakes import Clock


def test_so_many_are_admitted_in_a_minute_and_then_again() -> None:
    clock = Clock(NOON + timedelta(seconds=17.5))
    limit = RateLimit(counts=FakeRequestCounts(), per_minute=2, now=clock)
    limit.admit("ann")
    limit.admit("ann")
    with pytest.raises(TooManyRequests) as caught:
        limit.admit("ann")
    assert (caught.value.status, caught.value.code) == (429, "too_many_requests")
    assert caught.value.retry_after_s == 43
    clock.pass_by(seconds=43)
    limit.admit("ann")


def test_the_wait_that_is_reported_is_never_none() -> None:
    clock = Clock(NOON + timedelta(seconds=59.999))
    limit = RateLimit(counts=FakeRequestCounts(), per_minute=1, now=clock)
    limit.admit("ann")
    with pytest.raises(TooManyRequests) as caught:
        limit.admit("ann")
    assert caught.value.retry_after_s == 1


def test_an_owner_has_a_limit_of_its_own() -> None:
    limit = RateLimit(counts=FakeRequestCounts(), per_minute=1, now=Clock())
    limit.admit("ann")
    limit.admit("bob")
