"""Forks of this process: a harness is prepared once, and each fault happens in a fork of its own.

A process that forks must have one thread, and should have little else to do: see ``__main__.py``.
"""

import json
import os
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

AT_ONCE = 2
HANGS_AFTER_S = 600
"""A guard against a fork that never ends: it takes less than a second where nothing else runs."""


@dataclass(frozen=True)
class Report:
    """The last words of a fork, or its traceback."""

    text: str
    failed: bool = False


@dataclass
class _Fork:
    name: str
    pid: int
    pipe: int


class Forks:
    """Forks this process, a few at a time, and reads the reports."""

    def __init__(self) -> None:
        self._reports: dict[str, Report] = {}
        self._running: list[_Fork] = []
        self._pipe: int | None = None

    def split(self, name: str) -> bool:
        """Go on as two: True in the fork."""
        while len(self._running) >= AT_ONCE:
            self._listen()
        reading, writing = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writing)
            self._running.append(_Fork(name, pid, reading))
            return False
        os.close(reading)
        signal.alarm(HANGS_AFTER_S)
        self._reports, self._running, self._pipe = {}, [], writing
        return True

    def run(self, name: str, work: Callable[[], str]) -> None:
        """Have a fork do some work."""
        if self.split(name):
            self._end(_outcome_of(work))

    def explore(self, work: Callable[[], str]) -> dict[str, Report]:
        """Do some work that may split; what came of it in each fork, or here if there is none."""
        outcome = _outcome_of(work)
        if self._pipe is not None:
            self._end(outcome)
        forks = self.all_reports()
        return forks if forks and not outcome.failed else {**forks, "": outcome}

    def all_reports(self) -> dict[str, Report]:
        """Return the reports of all forks, by name."""
        while self._running:
            self._listen()
        return self._reports

    def _listen(self) -> None:
        fork = self._running.pop(0)
        with os.fdopen(fork.pipe) as pipe:
            said = pipe.read()
        os.waitpid(fork.pid, 0)
        signal.alarm(HANGS_AFTER_S)  # who waits for others does not hang
        self._reports[fork.name] = (
            Report(**json.loads(said)) if said else Report("it died without a word", True)
        )

    def _end(self, outcome: Report) -> NoReturn:
        with os.fdopen(self._pipe or 0, "w") as pipe:
            json.dump(outcome.__dict__, pipe)
        os._exit(0)


def _outcome_of(work: Callable[[], str]) -> Report:
    try:
        return Report(work())
    except BaseException:  # whatever it is: a fork must not go on where the original does
        return Report(traceback.format_exc(), failed=True)
