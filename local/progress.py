"""Progress of the demo's providers: bars on a terminal, one line a phase elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from threading import Lock
from typing import Protocol

from rich import progress
from rich.console import Console

TRAINING = {
    "preparing": "preparing the training",
    "submitting": "ordering the training",
    "queued": "waiting in the queue",
    "training": "training",
    "storing": "storing the weights",
}
"""What the phases of an identity are called here."""

SPANS = {
    "uploading": (0, 2),
    "checking the references": (2, 5),
    **dict.fromkeys(TRAINING.values(), (5, 50)),
    "generating": (50, 90),
    "scoring": (90, 100),
    "done": (100, 100),
}
"""The begin and end of each phase in a provider's bar, in per cent."""


COUNTED = ("generating", "scoring")
"""Phases in which pictures are counted."""


@dataclass(frozen=True)
class Step:
    """A provider's phase, and how far in it, ``done`` of ``total``; it is waited for ``until`` then."""

    phase: str
    done: int = 0
    total: int = 0
    detail: str = ""
    until: datetime | None = None

    def __str__(self) -> str:
        if self.phase == "training":
            return f"training {self.done} %"
        if self.phase in COUNTED:
            return f"{self.phase} {self.done}/{self.total}"
        return f"{self.phase}: {self.detail}" if self.detail else self.phase

    def beside(self, problem: str | None) -> str:
        """A provider's problem as it bears on this step; empty if it does not."""
        if problem is None or self.until is None:
            return ""
        return f"{problem}, trying again until {self.until.astimezone():%H:%M}"


def counted(pictures: int) -> str:
    """So many pictures, in words."""
    return "1 picture" if pictures == 1 else f"{pictures} pictures"


class Progress(Protocol):
    """Receives every step, and what there is to note beside it; called from several threads."""

    def show(self, provider: str, step: Step) -> None: ...

    def note(self, provider: str, problem: str | None) -> None: ...


@contextmanager
def showing(console: Console, providers: Sequence[str]) -> Iterator[Progress]:
    """The display that suits where the output goes."""
    if not console.is_terminal:
        yield Lines(console)
        return
    bars = progress.Progress(
        progress.TextColumn("{task.fields[provider]}", style="bold", markup=False),
        progress.BarColumn(bar_width=32, finished_style="green"),
        progress.TextColumn("{task.fields[step]}", markup=False),
        progress.TimeElapsedColumn(),
        console=console,
    )
    with bars:
        yield Bars(bars, providers)


class Lines:
    """A line when a provider's phase changes: for logs."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._steps: dict[str, Step] = {}
        self._problems: dict[str, str | None] = {}
        self._said: dict[str, str] = {}
        self._lock = Lock()

    def show(self, provider: str, step: Step) -> None:
        with self._lock:
            before = self._steps.get(provider)
            self._steps[provider] = step
            if before is None or before.phase != step.phase:
                count = f" {counted(step.total)}" if step.phase in COUNTED else ""
                detail = f": {step.detail}" if step.detail else ""
                self._print(f"{provider}: {step.phase}{count}{detail}")
            self._say_problem(provider)

    def note(self, provider: str, problem: str | None) -> None:
        with self._lock:
            self._problems[provider] = problem
            self._say_problem(provider)

    def _say_problem(self, provider: str) -> None:
        """Once for each, for as long as it bears on what is done."""
        step = self._steps.get(provider)
        said = step.beside(self._problems.get(provider)) if step else ""
        if said and said != self._said.get(provider):
            self._print(f"{provider}: {said}")
        self._said[provider] = said

    def _print(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)


class Bars:
    """One bar a provider."""

    def __init__(self, bars: progress.Progress, providers: Sequence[str]) -> None:
        self._bars = bars
        self._steps: dict[str, Step] = {}
        self._problems: dict[str, str | None] = {}
        self._tasks = {
            provider: bars.add_task("", total=100, provider=provider, step="waiting")
            for provider in providers
        }

    def show(self, provider: str, step: Step) -> None:
        task = self._tasks[provider]
        self._steps[provider] = step
        if step.phase == "failed":
            self._bars.update(task, step="failed")
            self._bars.stop_task(task)
            return
        start, end = SPANS[step.phase]
        share = step.done / step.total if step.total else 0
        self._bars.update(task, completed=start + (end - start) * share, step=self._words(provider))

    def note(self, provider: str, problem: str | None) -> None:
        self._problems[provider] = problem
        if provider in self._steps and self._steps[provider].phase != "failed":
            self._bars.update(self._tasks[provider], step=self._words(provider))

    def _words(self, provider: str) -> str:
        step = self._steps[provider]
        beside = step.beside(self._problems.get(provider))
        return f"{step}; {beside}" if beside else str(step)
