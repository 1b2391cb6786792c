"""Progress of the demo's providers: bars on a terminal, one line a phase elsewhere."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Lock
from typing import Protocol

from rich import progress
from rich.console import Console

SPANS = {
    "uploading": (0, 5),
    "training": (5, 50),
    "generating": (50, 90),
    "scoring": (90, 100),
    "done": (100, 100),
}
"""The begin and end of each phase in a provider's bar, in per cent."""


@dataclass(frozen=True)
class Step:
    """A provider's phase, and how far in it: ``done`` of ``total``."""

    phase: str
    done: int = 0
    total: int = 0
    detail: str = ""

    def __str__(self) -> str:
        if self.phase == "training":
            return f"training {self.done} %"
        if self.total:
            return f"{self.phase} {self.done}/{self.total}"
        return f"{self.phase}: {self.detail}" if self.detail else self.phase


class Progress(Protocol):
    """Receives every step; called from several threads."""

    def show(self, provider: str, step: Step) -> None: ...


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
        self._phases: dict[str, str] = {}
        self._lock = Lock()

    def show(self, provider: str, step: Step) -> None:
        with self._lock:
            if self._phases.get(provider) == step.phase:
                return
            self._phases[provider] = step.phase
            count = f" {step.total} pictures" if step.total and step.phase != "training" else ""
            detail = f": {step.detail}" if step.detail else ""
            self._console.print(
                f"{provider}: {step.phase}{count}{detail}", markup=False, highlight=False, soft_wrap=True
            )


class Bars:
    """One bar a provider."""

    def __init__(self, bars: progress.Progress, providers: Sequence[str]) -> None:
        self._bars = bars
        self._tasks = {
            provider: bars.add_task("", total=100, provider=provider, step="waiting")
            for provider in providers
        }

    def show(self, provider: str, step: Step) -> None:
        task = self._tasks[provider]
        if step.phase == "failed":
            self._bars.update(task, step="failed")
            self._bars.stop_task(task)
            return
        start, end = SPANS[step.phase]
        share = step.done / step.total if step.total else 0
        self._bars.update(task, completed=start + (end - start) * share, step=str(step))
