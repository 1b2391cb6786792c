"""Who has a slot, and who is next."""

from datetime import timedelta

import pytest

from character_identity.domain.slots import Lease, Priority, Slots
from tests.support.builders import NOON

MINUTE = timedelta(minutes=1)


def lease(
    name: str, owner: str = "ann", *, since: int = 0, until: int = 10, priority: Priority = "interactive"
) -> Lease:
    """A place of a job since and until so many minutes past noon."""
    return Lease(
        job_id=name, owner=owner, priority=priority, since=NOON + since * MINUTE, until=NOON + until * MINUTE
    )


def line(*waiting: Lease, holders: tuple[Lease, ...] = ()) -> str:
    return "".join(each.job_id for each in Slots(limit=2, holders=holders, waiting=waiting).line_at(NOON))


def test_who_came_first_is_next() -> None:
    assert line(lease("b", since=2), lease("a", since=1), lease("c", since=3)) == "abc"


def test_jobs_of_one_moment_have_an_order() -> None:
    assert line(lease("b"), lease("a")) == line(lease("a"), lease("b")) == "ab"


def test_owners_take_turns() -> None:
    anns = [lease(name, since=minute) for minute, name in enumerate("abcd")]
    assert line(*anns, lease("x", "bob", since=8), lease("y", "bob", since=9)) == "axbycd"


def test_a_slot_that_an_owner_has_was_a_turn() -> None:
    held = (lease("h", "ann"),)
    assert line(lease("a", since=1), lease("b", since=2), lease("x", "bob", since=9), holders=held) == "xab"


def test_what_nobody_waits_for_comes_last() -> None:
    batch = [lease(name, priority="batch") for name in "ab"]
    assert line(*batch, lease("z", since=5), lease("x", "bob", priority="batch", since=6)) == "zxab"


def test_who_does_not_ask_again_is_forgotten() -> None:
    assert line(lease("a", until=0), lease("b")) == "b"


@pytest.mark.parametrize(("held", "given"), [(0, "ab"), (1, "a"), (2, ""), (3, "")])
def test_as_many_are_next_as_there_are_slots(held: int, given: str) -> None:
    holders = tuple(lease(f"h{number}") for number in range(held))
    slots = Slots(
        limit=2, holders=holders, waiting=(lease("a", since=1), lease("b", since=2), lease("c", since=3))
    )
    assert "".join(each.job_id for each in slots.next_at(NOON)) == given
    assert [slots.position_of(name, NOON) for name in ("a", "c", "h0")] == [1, 3, None]


def test_a_lease_that_has_run_out_holds_nothing() -> None:
    slots = Slots(limit=1, holders=(lease("h", until=0),), waiting=(lease("a"),))
    assert (slots.has_slot("h", NOON), len(slots.next_at(NOON))) == (False, 1)


@pytest.mark.parametrize(
    ("lowered_to", "minutes", "limit"), [(None, 5, 4), (2, 5, 2), (0, 5, 1), (9, 5, 4), (2, 0, 4), (2, -1, 4)]
)
def test_the_limit_is_lowered_for_a_while(lowered_to: int | None, minutes: int, limit: int) -> None:
    slots = Slots(limit=4, lowered_to=lowered_to, lowered_until=NOON + minutes * MINUTE)
    assert slots.limit_at(NOON) == limit
