"""Long poll: wait, within a request, for what settles soon (``Prefer: wait``)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol, TypeVar

from character_identity.ports.gateways import Now

STEP_S = 0.5


class Settling(Protocol):
    """An identity or a generation, which is settled in the end."""

    @property
    def settled_at(self) -> datetime | None: ...


Found = TypeVar("Found")
Subject = TypeVar("Subject", bound=Settling)


def wait_until(
    is_done: Callable[[Found], bool],
    read: Callable[[], Found],
    wait_s: float,
    now: Now,
    sleep: Callable[[float], None],
) -> Found:
    """Read again until ``is_done``, or until ``wait_s`` have passed; return what was read last."""
    found = read()
    end = now() + timedelta(seconds=wait_s)
    while not is_done(found) and now() < end:
        sleep(STEP_S)
        found = read()
    return found


def wait_until_settled(
    read: Callable[[], Subject], wait_s: float, now: Now, sleep: Callable[[float], None]
) -> Subject:
    """Return what is read once it is settled, or as it is after ``wait_s``."""
    return wait_until(lambda subject: subject.settled_at is not None, read, wait_s, now, sleep)
