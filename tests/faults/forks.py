"""Copies of this process: a world is prepared once, and each fault happens in a copy of its own.

A process that copies itself must have one thread, and should have little else to do: see ``__main__.py``.
"""

import json
import os
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

AT_ONCE = 2
LONGEST_S = 60
"""A copy that takes longer hangs."""


@dataclass(frozen=True)
class Report:
    """The last words of a fork, or its traceback."""

    text: str
    failed: bool = False


@dataclass
class _Copy:
    name: str
    pid: int
    pipe: int


class Forks:
    """Makes copies, a few at a time, and hears what they have to say."""

    def __init__(self) -> None:
        self.told: dict[str, Report] = {}
        self._running: list[_Copy] = []
        self._pipe: int | None = None

    def split(self, name: str) -> bool:
        """Go on as two: True in the copy."""
        while len(self._running) >= AT_ONCE:
            self._listen()
        reading, writing = os.pipe()
        pid = os.fork()
        if pid:
            os.close(writing)
            self._running.append(_Copy(name, pid, reading))
            return False
        os.close(reading)
        signal.alarm(LONGEST_S)
        self.told, self._running, self._pipe = {}, [], writing
        return True

    def run(self, name: str, work: Callable[[], str]) -> None:
        """Have a copy do some work."""
        if self.split(name):
            self._end(_outcome_of(work))

    def explore(self, work: Callable[[], str]) -> dict[str, Report]:
        """Do some work that may split; what came of it in each copy, or here if there is none."""
        outcome = _outcome_of(work)
        if self._pipe is not None:
            self._end(outcome)
        forks = self.all_reports()
        return forks if forks and not outcome.failed else {**forks, "": outcome}

    def all_reports(self) -> dict[str, Report]:
        """Return the reports of all forks, by name."""
        while self._running:
            self._listen()
        return self.told

    def _listen(self) -> None:
        copy = self._running.pop(0)
        with os.fdopen(copy.pipe) as pipe:
            said = pipe.read()
        os.waitpid(copy.pid, 0)
        signal.alarm(LONGEST_S)  # who waits for others does not hang
        self.told[copy.name] = Report(**json.loads(said)) if said else Report("it died without a word", True)

    def _end(self, outcome: Report) -> NoReturn:
        with os.fdopen(self._pipe or 0, "w") as pipe:
            json.dump(outcome.__dict__, pipe)
        os._exit(0)


def _outcome_of(work: Callable[[], str]) -> Report:
    try:
        return Report(work())
    except BaseException:  # whatever it is: a copy must not go on where the original does
        return Report(traceback.format_exc(), failed=True)
