from datetime import timedelta

import pytest

from character_identity.domain.errors import TooManyRequests
from character_identity.services.rate_limit import RateLimit
from tests.support.api_fakes import FakeRequestCounts
from tests.support.builders import NOON
from tests.support.fakes import Clock


def orders(per_minute: int, clock: Clock, counts: FakeRequestCounts | None = None) -> RateLimit:
    return RateLimit(counts=counts or FakeRequestCounts(), kind="orders", per_minute=per_minute, now=clock)


def reads(per_minute: int, clock: Clock, counts: FakeRequestCounts) -> RateLimit:
    return RateLimit(counts=counts, kind="reads", per_minute=per_minute, now=clock, at_once=10)


def admitted(limit: RateLimit, requests: int, weight: int = 1) -> int:
    """How many of ann's requests are admitted."""
    number = 0
    for _ in range(requests):
        try:
            limit.admit("ann", weight)
        except TooManyRequests:
            continue
        number += 1
    return number


def test_so_many_are_admitted_in_a_minute_and_then_again() -> None:
    clock = Clock(NOON + timedelta(seconds=17.5))
    limit = orders(2, clock)
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
    limit = orders(1, clock)
    limit.admit("ann")
    with pytest.raises(TooManyRequests) as caught:
        limit.admit("ann")
    assert caught.value.retry_after_s == 1


def test_an_owner_has_a_limit_of_its_own() -> None:
    limit = orders(1, Clock())
    limit.admit("ann")
    limit.admit("bob")


def test_reads_are_counted_ten_at_a_time_and_no_more_are_admitted() -> None:
    counts, clock = FakeRequestCounts(), Clock()
    limit = reads(40, clock, counts)
    assert admitted(limit, 1000) == 40
    assert counts.writes == 5, "one for ten, and one that was refused"
    clock.pass_by(minutes=1)
    assert admitted(limit, 1) == 1


def test_what_is_heavy_counts_for_more() -> None:
    counts = FakeRequestCounts()
    assert admitted(reads(40, Clock(), counts), 100, weight=5) == 8


@pytest.mark.parametrize("weights", [(5, 5, 1), (1, 5, 5), (5, 1, 5, 1)])
def test_all_sandboxes_together_admit_no_more(weights: tuple[int, ...]) -> None:
    counts, clock = FakeRequestCounts(), Clock()
    sandboxes = [reads(100, clock, counts) for _ in range(3)]
    total = 0
    for _ in range(50):
        for sandbox, weight in zip(sandboxes * 2, weights, strict=False):
            total += weight * admitted(sandbox, 1, weight)
    assert 100 - 10 * len(sandboxes) < total <= 100


def test_a_limit_smaller_than_what_is_counted_at_once_is_kept() -> None:
    assert admitted(reads(3, Clock(), FakeRequestCounts()), 10) == 3


def test_what_is_too_heavy_for_what_is_left_leaves_it_to_others() -> None:
    limit = orders(25, Clock())
    assert admitted(limit, 3, weight=20) == 1
    assert admitted(limit, 10) == 5
    assert admitted(limit, 1, weight=20) == 0


def test_what_weighs_nothing_is_not_counted() -> None:
    limit = orders(1, Clock())
    assert admitted(limit, 5, weight=0) == 5
    assert admitted(limit, 5) == 1
