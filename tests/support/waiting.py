"""Waits for what another process or thread does, however busy the machine is."""

import time
from collections.abc import Callable
from typing import TypeVar

Found = TypeVar("Found")
HANGS_AFTER_S = 900.0
"""A guard against waiting for ever, and no expectation: nothing takes that long, whatever else runs."""
FIRST_DELAY_S, LONGEST_DELAY_S = 0.02, 0.3
"""To ask costs the process that is asked what it needs to get done."""


def wait_until(holds: Callable[[], Found], what: str) -> Found:
    """Ask until the answer is true, and return it.

    Raises:
        AssertionError: it never was.
    """
    deadline, delay_s = time.monotonic() + HANGS_AFTER_S, FIRST_DELAY_S
    while not (found := holds()):
        assert time.monotonic() < deadline, f"{what}: not within {HANGS_AFTER_S} s"
        time.sleep(delay_s)
        delay_s = min(delay_s * 1.5, LONGEST_DELAY_S)
    return found
