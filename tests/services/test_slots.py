"""Slots are given and taken back one job at a time, whoever else is at it."""

from datetime import datetime, timedelta

import pytest

from character_identity.domain.job import ProviderJob
from character_identity.domain.slots import Slots
from character_identity.services.jobs.slots import LOWERED_FOR, SlotsContended, SlotService
from tests.support.builders import NOON, a_generation_job
from tests.support.fakes import Clock, FakeSlots

HOUR = timedelta(hours=1)


class ContendedSlots(FakeSlots):
    """Somebody else changes the slots just before, so many times."""

    others = 0

    def replace(self, account: str, old: Slots, new: Slots) -> bool:
        if self.others:
            self.others -= 1
            stored = self.get(account)
            self.rows[account] = stored.model_copy(update={"version": stored.version + 1})
        return super().replace(account, old, new)


class Harness:
    def __init__(self, limit: int = 1) -> None:
        self.clock, self.store = Clock(), ContendedSlots(fal=limit)
        self.woken: list[str] = []
        self.service = SlotService(slots=self.store, wake=self.woken.append, now=self.clock)

    def asks(self, name: str, provider: str = "fal-lora", asks_again_by: datetime = NOON + HOUR) -> bool:
        return self.service.acquire(job(name, provider), until=NOON + 2 * HOUR, asks_again_by=asks_again_by)

    @property
    def holders(self) -> list[str]:
        return [lease.job_id for lease in self.store.get("fal").holders]

    @property
    def waiting(self) -> list[str]:
        return [lease.job_id for lease in self.store.get("fal").line_at(self.clock())]


def job(name: str, provider: str = "fal-lora") -> ProviderJob:
    return a_generation_job(job_id=name, provider=provider)


def test_a_job_has_its_slot_however_often_it_asks() -> None:
    harness = Harness()
    assert [harness.asks("a") for _ in range(3)] == [True] * 3
    assert (harness.holders, harness.waiting) == (["a"], [])


def test_one_account_has_slots_for_all_that_run_in_it() -> None:
    harness = Harness()
    assert (harness.asks("a", "fal-lora"), harness.asks("b", "fal-instant")) == (True, False)


def test_a_provider_without_a_limit_takes_all() -> None:
    harness = Harness()
    assert all(harness.asks(f"job-{number}", "astria") for number in range(50))
    assert harness.store.rows == {}


def test_who_gives_a_slot_back_wakes_whoever_is_next() -> None:
    harness = Harness()
    assert [harness.asks(name) for name in "abc"] == [True, False, False]
    harness.service.release(job("a"))
    assert harness.woken == ["b"]
    assert [harness.asks(name) for name in "cb"] == [False, True]
    assert (harness.holders, harness.waiting) == (["b"], ["c"])


def test_who_was_not_woken_is_woken_with_the_next_slot_that_is_given_back() -> None:
    harness = Harness(limit=2)
    assert [harness.asks(name) for name in "abcd"] == [True, True, False, False]
    harness.service.release(job("a"))
    harness.woken.clear()  # the message was lost
    harness.service.release(job("b"))
    assert harness.woken == ["c", "d"]


def test_giving_back_again_wakes_who_has_not_taken_it_yet() -> None:
    harness = Harness()
    assert [harness.asks(name) for name in "ab"] == [True, False]
    harness.service.release(job("a"))
    harness.woken.clear()  # it died before it woke anybody
    harness.service.release(job("a"))
    assert harness.woken == ["b"]
    harness.asks("b")
    harness.service.release(job("a"))
    assert (harness.woken, harness.holders) == (["b"], ["b"])


def test_who_got_a_slot_and_died_before_it_left_the_line_is_in_nobodys_way() -> None:
    harness = Harness(limit=2)
    assert [harness.asks(name) for name in "abcd"] == [True, True, False, False]
    harness.service.release(job("a"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(harness.store, "leave", lambda account, job_id: None)
        assert harness.asks("c")
    assert harness.waiting == ["d"]
    harness.woken.clear()
    harness.service.release(job("b"))
    assert (harness.woken, harness.asks("d")) == (["d"], True)


def test_who_waits_and_is_not_wanted_any_more_leaves_the_line() -> None:
    harness = Harness()
    assert [harness.asks(name) for name in "abc"] == [True, False, False]
    harness.service.release(job("b"))
    assert (harness.waiting, harness.woken) == (["c"], [])


def test_a_slot_that_is_given_back_while_a_job_queues_up_is_seen() -> None:
    harness = Harness()
    harness.asks("a")
    queue_up = harness.store.wait

    def after_release(account: str, lease: object) -> None:
        harness.service.release(job("a"))
        queue_up(account, lease)  # type: ignore[arg-type]

    harness.store.wait = after_release  # type: ignore[method-assign]
    assert harness.asks("b")
    assert (harness.holders, harness.waiting) == (["b"], [])


def test_nobody_waits_behind_a_machine_that_died() -> None:
    harness = Harness()
    assert [harness.asks("a"), harness.asks("b", asks_again_by=NOON + HOUR / 2), harness.asks("c")] == [
        True,
        False,
        False,
    ]
    harness.clock.pass_by(minutes=40)
    harness.service.release(job("a"))
    assert harness.woken == ["c"]


def test_a_slot_whose_lease_ran_out_is_free() -> None:
    harness = Harness()
    harness.asks("a")
    harness.clock.pass_by(minutes=121)
    assert harness.service.acquire(job("b"), until=NOON + 4 * HOUR, asks_again_by=NOON + 3 * HOUR)
    assert harness.holders == ["b"]


@pytest.mark.parametrize("others", [1, 5, 19])
def test_a_change_of_somebody_else_in_between_costs_no_slot(others: int) -> None:
    harness = Harness(limit=2)
    harness.store.others = others
    assert harness.asks("a")
    harness.store.others = others
    harness.service.release(job("a"))
    assert harness.holders == []


def test_who_is_outrun_again_and_again_waits() -> None:
    harness = Harness()
    harness.store.others = 1000
    assert not harness.asks("a")
    assert (harness.holders, harness.waiting) == ([], ["a"])


def test_a_slot_that_cannot_be_given_back_now_is_not_forgotten() -> None:
    harness = Harness()
    harness.asks("a")
    harness.store.others = 1000
    with pytest.raises(SlotsContended):
        harness.service.release(job("a"))


def test_a_busy_provider_gets_fewer_jobs_for_a_while() -> None:
    harness = Harness(limit=3)
    assert [harness.asks(name) for name in "abc"] == [True, True, True]
    harness.service.lower(job("c"))
    harness.service.release(job("c"))
    assert not harness.asks("d")
    harness.clock.pass_by(seconds=int(LOWERED_FOR.total_seconds()))
    assert harness.asks("d")
