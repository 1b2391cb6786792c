from datetime import timedelta

from character_identity.domain.generation import Generation
from character_identity.services.long_poll import wait_until_settled
from tests.support.builders import NOON, a_generation
from tests.support.fakes import Clock

RUNNING, DONE = a_generation(status="running"), a_generation(status="succeeded", settled_at=NOON)


class Harness:
    """A generation that settles at some time; time passes only while somebody sleeps."""

    def __init__(self, settles_after_s: float) -> None:
        self.clock = Clock()
        self.settles_at = NOON + timedelta(seconds=settles_after_s)

    def poll(self) -> Generation:
        return DONE if self.clock() >= self.settles_at else RUNNING

    def waited_for(self, wait_s: float) -> tuple[Generation, float]:
        found = wait_until_settled(
            self.poll, wait_s, self.clock, lambda seconds: self.clock.pass_by(seconds=seconds)
        )
        return found, (self.clock() - NOON).total_seconds()


def test_what_is_settled_is_not_waited_for() -> None:
    assert Harness(0).waited_for(20) == (DONE, 0)


def test_what_settles_in_time_is_waited_for_and_no_longer() -> None:
    assert Harness(3).waited_for(20) == (DONE, 3)


def test_at_the_end_it_is_as_it_is() -> None:
    assert Harness(60).waited_for(5) == (RUNNING, 5)


def test_who_does_not_wait_looks_once() -> None:
    assert Harness(60).waited_for(0) == (RUNNING, 0)
