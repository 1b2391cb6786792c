"""Progress of the demo: a bar on a terminal, a line for each phase elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Protocol

from rich import progress
from rich.console import Console

from character_identity_client import Evaluation
from character_identity_client.evaluations import TimeLeft, described


class Progress(Protocol):
    """Receives the evaluation at every poll, and what there is to note beside it, from several threads."""

    def show(self, evaluation: Evaluation) -> None: ...

    def note(self, provider: str, problem: str | None) -> None: ...


@contextmanager
def showing(console: Console, clock: Callable[[], float] = time.monotonic) -> Iterator[Progress]:
    """The display that suits where the output goes."""
    if not console.is_terminal:
        yield Lines(console)
        return
    bars = progress.Progress(
        progress.BarColumn(bar_width=32, finished_style="green"),
        progress.TextColumn("{task.fields[step]}", markup=False),
        progress.TimeElapsedColumn(),
        console=console,
    )
    with bars:
        yield Bar(bars, clock)


class Problems:
    """What keeps providers from answering, each said once for as long as it lasts."""

    def __init__(self) -> None:
        self._problems: dict[str, str | None] = {}
        self._lock = Lock()

    def changed(self, provider: str, problem: str | None) -> bool:
        """Keep it; whether there is something new to say."""
        with self._lock:
            before = self._problems.get(provider)
            self._problems[provider] = problem
            return problem is not None and before is None

    def __str__(self) -> str:
        with self._lock:
            return "; ".join(dict.fromkeys(problem for problem in self._problems.values() if problem))


class Lines:
    """A line when the phase changes, or a provider does not answer: for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._phase = ""
        self._problems = Problems()

    def show(self, evaluation: Evaluation) -> None:
        phase = evaluation.phase if evaluation.status == "running" else evaluation.status
        if phase != self._phase:
            self._phase = phase
            self._print(described(evaluation))

    def note(self, provider: str, problem: str | None) -> None:
        if self._problems.changed(provider, problem):
            self._print(f"{provider}: {problem}, trying again")

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class Bar:
    """One bar, which only ever grows."""

    def __init__(self, bars: progress.Progress, clock: Callable[[], float]) -> None:
        self._bars = bars
        self._clock = clock
        self._task = bars.add_task("", total=100, step="starting")
        self._left = TimeLeft()
        self._words = "starting"
        self._problems = Problems()

    def show(self, evaluation: Evaluation) -> None:
        left_s = self._left.seconds(self._clock(), evaluation.progress)
        self._words = described(evaluation, left_s)
        reached = max(evaluation.progress, int(self._bars.tasks[0].completed))
        self._bars.update(self._task, completed=reached, step=self._said())

    def note(self, provider: str, problem: str | None) -> None:
        self._problems.changed(provider, problem)
        self._bars.update(self._task, step=self._said())

    def _said(self) -> str:
        problems = str(self._problems)
        return f"{self._words}; {problems}, trying again" if problems else self._words
