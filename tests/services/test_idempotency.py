from collections.abc import Callable
from datetime import timedelta
from itertools import count

import pytest

from character_identity.domain.errors import (
    Conflict,
    Erased,
    InvalidRequest,
    KeyReused,
    NotFound,
    ProviderUnavailable,
    RequestInFlight,
)
from character_identity.ports.stores import IdempotencyRecord
from character_identity.services.idempotency import KEPT, LONGEST_CALL, IdempotencyService
from tests.support.fakes import Clock, FakeIdempotencyRecords


class Crash(Exception):
    """The function is gone."""


class Harness:
    """Orders of one kind of thing; ``before`` and ``after`` run around the moment at which one is stored."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.calls = FakeIdempotencyRecords()
        self.stored: list[str] = []
        self.erased: list[str] = []
        self.tried: list[str] = []
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self.on_look: Callable[[], None] = lambda: None
        ids = count(1)
        self.service = IdempotencyService(calls=self.calls, now=self.clock, new_id=lambda: f"id{next(ids)}")

    def order(
        self, key: str | None = "k", request_digest: str = "five pictures", owner: str = "ann"
    ) -> tuple[str, bool]:
        return self.service.once(owner, key, request_digest, self._find, self._create)

    def _find(self, resource_id: str) -> str:
        self.on_look()
        if resource_id in self.erased:
            raise Erased("gone")
        if resource_id not in self.stored:
            raise NotFound("unknown")
        return resource_id

    def _create(self, resource_id: str) -> str:
        self.tried.append(resource_id)
        self.before()
        if resource_id in self.stored:
            raise Conflict("exists")
        self.stored.append(resource_id)
        self.after()
        return resource_id


def raising(error: Exception) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def nothing() -> None:
    """Happens."""


def test_a_repeated_order_leads_to_the_same_thing() -> None:
    harness = Harness()
    assert harness.order() == ("id1", False)
    assert harness.order() == ("id1", True)
    assert harness.order() == ("id1", True)
    assert harness.stored == ["id1"]


def test_without_a_key_it_is_a_new_order() -> None:
    harness = Harness()
    assert harness.order(key=None) == ("id1", False)
    assert harness.order(key=None) == ("id2", False)


def test_a_key_belongs_to_one_request() -> None:
    harness = Harness()
    harness.order()
    with pytest.raises(KeyReused) as caught:
        harness.order(request_digest="six pictures")
    assert (caught.value.status, caught.value.code) == (422, "idempotency_key_reused")
    assert harness.stored == ["id1"]


def test_a_key_belongs_to_another_request_even_while_that_one_is_at_it() -> None:
    harness = Harness()
    refused: list[type[Exception]] = []

    def meanwhile() -> None:
        with pytest.raises(KeyReused) as caught:
            harness.order(request_digest="six pictures")
        refused.append(caught.type)

    harness.before = meanwhile
    harness.order()
    assert refused == [KeyReused]


def test_the_same_key_of_another_owner_is_another_key() -> None:
    harness = Harness()
    first, _ = harness.order()
    second, replayed = harness.order(owner="bob", request_digest="six pictures")
    assert (second != first, replayed) == (True, False)


def test_an_order_that_is_being_worked_on_is_not_started_again() -> None:
    harness = Harness()
    delays_s: list[int | None] = []

    def meanwhile() -> None:
        with pytest.raises(RequestInFlight) as caught:
            harness.order()
        delays_s.append(caught.value.retry_after_s)

    harness.before = meanwhile
    assert harness.order() == ("id1", False)
    assert (harness.stored, delays_s) == (["id1"], [1])


@pytest.mark.parametrize(
    ("age_s", "retry_after_s"), [(0, 1), (0.4, 1), (7.2, 8), (30, 30), (50, 11), (60, 1)]
)
def test_the_longer_it_lasts_the_later_to_ask_again(age_s: float, retry_after_s: int) -> None:
    harness = Harness()
    harness.before = raising(Crash())
    with pytest.raises(Crash):
        harness.order()
    harness.clock.pass_by(seconds=age_s)
    with pytest.raises(RequestInFlight) as caught:
        harness.order()
    assert caught.value.retry_after_s == retry_after_s


def test_who_asks_when_told_to_comes_through_after_a_crash_in_few_calls() -> None:
    harness = Harness()
    harness.before = raising(Crash())
    with pytest.raises(Crash):
        harness.order()
    harness.before = nothing
    waits: list[int] = []
    while len(waits) < 20:
        try:
            assert harness.order() == ("id1", False)
            break
        except RequestInFlight as exc:
            waits.append(exc.retry_after_s or 0)
            harness.clock.pass_by(seconds=waits[-1])
    assert waits == [1, 1, 2, 4, 8, 16, 29]
    assert harness.clock.time <= Harness().clock.time + LONGEST_CALL + timedelta(seconds=2)


def test_an_order_that_died_before_it_was_stored_is_continued_with_its_id() -> None:
    harness = Harness()
    harness.before = raising(Crash())
    with pytest.raises(Crash):
        harness.order()
    harness.before = nothing
    harness.clock.pass_by(seconds=61)
    assert harness.order() == ("id1", False)
    assert (harness.stored, harness.tried) == (["id1"], ["id1", "id1"])


def test_an_order_that_died_after_it_was_stored_is_found_at_once() -> None:
    harness = Harness()
    harness.after = raising(Crash())
    with pytest.raises(Crash):
        harness.order()
    harness.after = nothing
    assert harness.order() == ("id1", True)
    assert harness.stored == ["id1"]


def test_a_dead_order_is_taken_over_by_one() -> None:
    harness = Harness()
    harness.before = raising(Crash())
    with pytest.raises(Crash):
        harness.order()
    harness.before = nothing
    harness.clock.pass_by(seconds=61)

    def another_is_faster() -> None:
        harness.on_look = nothing
        assert harness.order() == ("id1", False)
        harness.stored.remove("id1")  # not yet there when this call reads
        harness.clock.pass_by(seconds=1)

    harness.on_look = another_is_faster
    with pytest.raises(RequestInFlight):
        harness.order()
    assert harness.tried == ["id1", "id1"]


def test_what_is_refused_gives_the_key_back() -> None:
    harness = Harness()
    harness.before = raising(InvalidRequest("too few", code="too_few_references"))
    with pytest.raises(InvalidRequest, match="too few"):
        harness.order()
    assert harness.calls.calls == {}
    harness.before = nothing
    assert harness.order(request_digest="six pictures") == ("id2", False)


def test_what_nobody_knows_keeps_the_key() -> None:
    harness = Harness()
    harness.after = raising(ProviderUnavailable("us", "the table is slow"))
    with pytest.raises(ProviderUnavailable):
        harness.order()
    harness.after = nothing
    assert harness.order() == ("id1", True)


def test_an_order_that_was_given_up_too_early_is_found_instead_of_refused() -> None:
    harness = Harness()
    harness.before = lambda: harness.stored.append("id1")
    assert harness.order() == ("id1", True)
    harness.before = nothing
    assert harness.order() == ("id1", True)


def test_what_was_erased_is_not_made_again() -> None:
    harness = Harness()
    harness.order()
    harness.erased.append("id1")
    harness.clock.pass_by(hours=1)
    with pytest.raises(Erased):
        harness.order()
    assert harness.tried == ["id1"]


def test_a_key_is_free_again_after_a_day() -> None:
    harness = Harness()
    harness.order()
    harness.clock.time += KEPT - timedelta(seconds=1)
    assert harness.order() == ("id1", True)
    harness.clock.pass_by(seconds=1)
    assert harness.order(request_digest="six pictures") == ("id3", False)
    assert harness.order(request_digest="six pictures") == ("id3", True)


def test_of_two_that_find_the_key_expired_one_gets_it() -> None:
    harness = Harness()
    harness.order()
    harness.clock.time += KEPT
    (digest, first), *_ = harness.calls.calls.items()

    class OthersAreFaster(FakeIdempotencyRecords):
        def claim(
            self, digest: str, call: IdempotencyRecord, replaces: IdempotencyRecord | None
        ) -> IdempotencyRecord:
            if replaces == first:
                self.calls[digest] = IdempotencyRecord(
                    "theirs", harness.clock(), "five pictures", call.expires_at
                )
            return super().claim(digest, call, replaces)

    calls = OthersAreFaster()
    calls.calls[digest] = first
    service = IdempotencyService(calls=calls, now=harness.clock, new_id=lambda: "mine")
    with pytest.raises(RequestInFlight):
        service.once("ann", "k", "five pictures", harness._find, harness._create)
    assert harness.stored == ["id1"]


def test_an_end_is_in_whole_seconds_as_the_store_keeps_it() -> None:
    harness = Harness()
    harness.clock.pass_by(seconds=0.25)
    harness.order()
    (call,) = harness.calls.calls.values()
    assert call.expires_at == Harness().clock.time + KEPT
