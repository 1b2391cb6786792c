"""Keeps tests that start processes apart from those that are fast because they start none."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

STARTS = {"subprocess.Popen", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system"}
"""Events of https://docs.python.org/3/library/audit_events.html by which a process starts."""

_allowed = True


@contextmanager
def processes(*, allowed: bool) -> Iterator[None]:
    """Say whether processes may be started meanwhile."""
    global _allowed
    before, _allowed = _allowed, allowed
    try:
        yield
    finally:
        _allowed = before


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in STARTS and not _allowed:
        raise AssertionError(
            f"{event} {arguments[:1]}: what starts a process is marked with pytest.mark.processes"
        )


sys.addaudithook(_refuse)
