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


AnyJob = TypeVar("AnyJob", bound=Job)


def wait_until_settled(
    read: Callable[[], AnyJob], wait_s: float, now: Now, sleep: Callable[[float], None]
) -> AnyJob:
    """A job once it is settled, or as it is after ``wait_s``."""
    job = read()
    end = now() + timedelta(seconds=wait_s)
    while job.settled_at is None and now() < end:
        sleep(STEP_S)
        job = read()
    return job
