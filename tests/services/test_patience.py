from datetime import timedelta

from character_identity.domain.generation import Generation
from character_identity.services.patience import when_settled
from tests.builders import NOON, a_generation
from tests.fakes import Clock

RUNNING, DONE = a_generation(status="running"), a_generation(status="succeeded", settled_at=NOON)


class World:
    """A generation that settles at some time; time passes only while somebody sleeps."""

    def __init__(self, settles_after_s: float) -> None:
        self.clock = Clock()
        self.settles_at = NOON + timedelta(seconds=settles_after_s)

    def look(self) -> Generation:
        return DONE if self.clock() >= self.settles_at else RUNNING

    def waited_for(self, wait_s: float) -> tuple[Generation, float]:
        found = when_settled(
            self.look, wait_s, self.clock, lambda seconds: self.clock.pass_by(seconds=seconds)
        )
        return found, (self.clock() - NOON).total_seconds()


def test_what_is_settled_is_not_waited_for() -> None:
    assert World(0).waited_for(20) == (DONE, 0)


def test_what_settles_in_time_is_waited_for_and_no_longer() -> None:
    assert World(3).waited_for(20) == (DONE, 3)


def test_at_the_end_it_is_as_it_is() -> None:
    assert World(60).waited_for(5) == (RUNNING, 5)


def test_who_does_not_wait_looks_once() -> None:
    assert World(60).waited_for(0) == (RUNNING, 0)
