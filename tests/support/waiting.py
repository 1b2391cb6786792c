"""Waits for what another process or thread does, however busy the machine is."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
HANGS_AFTER_S = 900.0
"""A guard against waiting for ever, and no expectation: nothing takes that long, whatever else runs."""
POLL_S = 0.02


def wait_until(holds: Callable[[], Found], what: str) -> Found:
    """Ask until the answer is true, and return it.

    Raises:
        AssertionError: it never was.
    """
    deadline = time.monotonic() + HANGS_AFTER_S
    while not (found := holds()):
        assert time.monotonic() < deadline, f"{what}: not within {HANGS_AFTER_S} s"
        time.sleep(POLL_S)
    return found
