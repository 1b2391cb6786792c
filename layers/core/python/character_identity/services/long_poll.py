"""Long poll: waits, within a request, for what settles soon (``Prefer: wait``)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from character_identity.ports.gateways import Now

STEP_S = 0.5


class Job(Protocol):
    """A job that is settled at some time, or not yet."""

    @property
    def settled_at(self) -> datetime | None: ...


Found = TypeVar("Found")
AnyJob = TypeVar("AnyJob", bound=Job)


def wait_until(
    is_done: Callable[[Found], bool],
    read: Callable[[], Found],
    wait_s: float,
    now: Now,
    sleep: Callable[[float], None],
) -> Found:
    """Return what is read once it is done, or as it is after ``wait_s``."""
    found = read()
    end = now() + timedelta(seconds=wait_s)
    while not is_done(found) and now() < end:
        sleep(STEP_S)
        found = read()
    return found


def wait_until_settled(
    read: Callable[[], AnyJob], wait_s: float, now: Now, sleep: Callable[[float], None]
) -> AnyJob:
    """A job once it is settled, or as it is after ``wait_s``."""
    return wait_until(lambda job: job.settled_at is not None, read, wait_s, now, sleep)
