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
from character_identity.ports import EarlierCall
from character_identity.services.idempotency import KEPT, LONGEST_CALL, IdempotencyService
from tests.fakes import Clock, FakeEarlierCalls


class Crash(Exception):
    """The function is gone."""


class World:
    """Orders of one kind of thing; ``before`` and ``after`` run around the moment at which one is stored."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.calls = FakeEarlierCalls()
        self.stored: list[str] = []
        self.erased: list[str] = []
        self.tried: list[str] = []
        self.before: Callable[[], None] = lambda: None
        self.after: Callable[[], None] = lambda: None
        self.on_look: Callable[[], None] = lambda: None
        ids = count(1)
        self.service = IdempotencyService(self.calls, self.clock, lambda: f"id{next(ids)}")

    def order(
        self, key: str | None = "k", fingerprint: str = "five pictures", owner: str = "ann"
    ) -> tuple[str, bool]:
        return self.service.once(owner, key, fingerprint, self._find, self._create)

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
    world = World()
    assert world.order() == ("id1", False)
    assert world.order() == ("id1", True)
    assert world.order() == ("id1", True)
    assert world.stored == ["id1"]


def test_without_a_key_it_is_a_new_order() -> None:
    world = World()
    assert world.order(key=None) == ("id1", False)
    assert world.order(key=None) == ("id2", False)


def test_a_key_belongs_to_one_request() -> None:
    world = World()
    world.order()
    with pytest.raises(KeyReused) as caught:
        world.order(fingerprint="six pictures")
    assert (caught.value.status, caught.value.code) == (422, "idempotency_key_reused")
    assert world.stored == ["id1"]


def test_a_key_belongs_to_another_request_even_while_that_one_is_at_it() -> None:
    world = World()
    refused: list[type[Exception]] = []

    def meanwhile() -> None:
        with pytest.raises(KeyReused) as caught:
            world.order(fingerprint="six pictures")
        refused.append(caught.type)

    world.before = meanwhile
    world.order()
    assert refused == [KeyReused]


def test_the_same_key_of_another_owner_is_another_key() -> None:
    world = World()
    first, _ = world.order()
    second, replayed = world.order(owner="bob", fingerprint="six pictures")
    assert (second != first, replayed) == (True, False)


def test_an_order_that_is_being_worked_on_is_not_started_again() -> None:
    world = World()
    told: list[int | None] = []

    def meanwhile() -> None:
        with pytest.raises(RequestInFlight) as caught:
            world.order()
        told.append(caught.value.retry_after_s)

    world.before = meanwhile
    assert world.order() == ("id1", False)
    assert (world.stored, told) == (["id1"], [1])


@pytest.mark.parametrize(
    ("age_s", "retry_after_s"), [(0, 1), (0.4, 1), (7.2, 8), (30, 30), (50, 11), (60, 1)]
)
def test_the_longer_it_lasts_the_later_to_ask_again(age_s: float, retry_after_s: int) -> None:
    world = World()
    world.before = raising(Crash())
    with pytest.raises(Crash):
        world.order()
    world.clock.pass_by(seconds=age_s)
    with pytest.raises(RequestInFlight) as caught:
        world.order()
    assert caught.value.retry_after_s == retry_after_s


def test_who_asks_when_told_to_comes_through_after_a_crash_in_few_calls() -> None:
    world = World()
    world.before = raising(Crash())
    with pytest.raises(Crash):
        world.order()
    world.before = nothing
    waits: list[int] = []
    while len(waits) < 20:
        try:
            assert world.order() == ("id1", False)
            break
        except RequestInFlight as exc:
            waits.append(exc.retry_after_s or 0)
            world.clock.pass_by(seconds=waits[-1])
    assert waits == [1, 1, 2, 4, 8, 16, 29]
    assert world.clock.time <= World().clock.time + LONGEST_CALL + timedelta(seconds=2)


def test_an_order_that_died_before_it_was_stored_is_continued_with_its_id() -> None:
    world = World()
    world.before = raising(Crash())
    with pytest.raises(Crash):
        world.order()
    world.before = nothing
    world.clock.pass_by(seconds=61)
    assert world.order() == ("id1", False)
    assert (world.stored, world.tried) == (["id1"], ["id1", "id1"])


def test_an_order_that_died_after_it_was_stored_is_found_at_once() -> None:
    world = World()
    world.after = raising(Crash())
    with pytest.raises(Crash):
        world.order()
    world.after = nothing
    assert world.order() == ("id1", True)
    assert world.stored == ["id1"]


def test_a_dead_order_is_taken_over_by_one() -> None:
    world = World()
    world.before = raising(Crash())
    with pytest.raises(Crash):
        world.order()
    world.before = nothing
    world.clock.pass_by(seconds=61)

    def another_is_faster() -> None:
        world.on_look = nothing
        assert world.order() == ("id1", False)
        world.stored.remove("id1")  # not yet there when this call looks
        world.clock.pass_by(seconds=1)

    world.on_look = another_is_faster
    with pytest.raises(RequestInFlight):
        world.order()
    assert world.tried == ["id1", "id1"]


def test_what_is_refused_gives_the_key_back() -> None:
    world = World()
    world.before = raising(InvalidRequest("too few", code="too_few_references"))
    with pytest.raises(InvalidRequest, match="too few"):
        world.order()
    assert world.calls.calls == {}
    world.before = nothing
    assert world.order(fingerprint="six pictures") == ("id2", False)


def test_what_nobody_knows_keeps_the_key() -> None:
    world = World()
    world.after = raising(ProviderUnavailable("us", "the table is slow"))
    with pytest.raises(ProviderUnavailable):
        world.order()
    world.after = nothing
    assert world.order() == ("id1", True)


def test_an_order_that_was_given_up_too_early_is_found_instead_of_refused() -> None:
    world = World()
    world.before = lambda: world.stored.append("id1")
    assert world.order() == ("id1", True)
    world.before = nothing
    assert world.order() == ("id1", True)


def test_what_was_erased_is_not_made_again() -> None:
    world = World()
    world.order()
    world.erased.append("id1")
    world.clock.pass_by(hours=1)
    with pytest.raises(Erased):
        world.order()
    assert world.tried == ["id1"]


def test_a_key_is_free_again_after_a_day() -> None:
    world = World()
    world.order()
    world.clock.time += KEPT - timedelta(seconds=1)
    assert world.order() == ("id1", True)
    world.clock.pass_by(seconds=1)
    assert world.order(fingerprint="six pictures") == ("id3", False)
    assert world.order(fingerprint="six pictures") == ("id3", True)


def test_of_two_that_find_the_key_expired_one_gets_it() -> None:
    world = World()
    world.order()
    world.clock.time += KEPT
    (digest, first), *_ = world.calls.calls.items()

    class OthersAreFaster(FakeEarlierCalls):
        def claim(self, digest: str, call: EarlierCall, replaces: EarlierCall | None) -> EarlierCall:
            if replaces == first:
                self.calls[digest] = EarlierCall("theirs", world.clock(), "five pictures", call.expires_at)
            return super().claim(digest, call, replaces)

    calls = OthersAreFaster()
    calls.calls[digest] = first
    service = IdempotencyService(calls, world.clock, lambda: "mine")
    with pytest.raises(RequestInFlight):
        service.once("ann", "k", "five pictures", world._find, world._create)
    assert world.stored == ["id1"]


def test_an_end_is_in_whole_seconds_as_the_store_keeps_it() -> None:
    world = World()
    world.clock.pass_by(seconds=0.25)
    world.order()
    (call,) = world.calls.calls.values()
    assert call.expires_at == World().clock.time + KEPT
