"""Where a run of the demo is kept: a folder of its own, beside those of all earlier runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from local.errors import CannotRun
from local.options import BadOption
from local.packages import STATE
from scripts.atomic import write_file

RESULTS = STATE / "results"
LATEST = "latest"
PLAN, ORDERS = "run.json", "orders.json"
SHOWN = 5  # runs that are named to who asks for one that is not there

T = TypeVar("T")


@dataclass(frozen=True)
class Run:
    """The folder of a run, named by its time and an id: its results, and all that it takes to resume."""

    folder: Path

    @property
    def run_id(self) -> str:
        return self.folder.name

    @property
    def uploads(self) -> Path:
        """The reference images as they were given."""
        return self.folder / "uploads"

    @property
    def state(self) -> Path:
        """Return what the system keeps: identities, pictures, weights, and what the simulators know."""
        return self.folder / "state"

    @property
    def logs(self) -> Path:
        return self.folder / "logs"

    @property
    def plan(self) -> dict[str, Any]:
        """Return what was noted of the run so far."""
        plan: dict[str, Any] = _read(self.folder / PLAN)
        return plan

    def note(self, facts: Mapping[str, Any]) -> None:
        """Add to what is known of the run, or change it."""
        _write(self.folder / PLAN, {**self.plan, **facts})

    def publish(self) -> None:
        """Let ``latest`` lead here."""
        link = self.folder.parent / f".{self.run_id}"
        link.unlink(missing_ok=True)
        link.symlink_to(self.run_id)
        link.replace(self.folder.parent / LATEST)


class Journal:
    """What a run has ordered, by name: on disk before anything else is done, so that it is ordered once."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._made = _read(file)

    @classmethod
    def of(cls, run: Run) -> Journal:
        """The journal of a run."""
        return cls(run.folder / ORDERS)

    def once(self, name: str, make: Callable[[], T]) -> T:
        """Return what was made under this name, now or before an interruption; it must fit into JSON."""
        if name in self._made:
            made: T = self._made[name]
            return made
        self._made[name] = made = make()
        _write(self._file, self._made)
        return made


def new_run(now: datetime, new_id: Callable[[], str], results: Path = RESULTS) -> Run:
    """A new folder; what two runs of the same second make goes by two ids."""
    folder = results / f"{now:%Y%m%d-%H%M%S}-{new_id()}"
    folder.mkdir(parents=True)
    return Run(folder)


def find_run(run_id: str, results: Path = RESULTS) -> Run:
    """The run of an id, or the latest that came to an end.

    Raises:
        BadOption: there is none.
    """
    folder = (results / run_id).resolve()
    if folder.parent != results.resolve() or not (folder / PLAN).is_file():
        there = sorted((plan.parent.name for plan in results.glob(f"2*/{PLAN}")), reverse=True)
        known = f"; the newest are {', '.join(there[:SHOWN])}." if there else f": {results} has none."
        raise BadOption(f"There is no run {run_id!r} to resume{known}")
    return Run(folder)


def _read(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes()) if file.exists() else {}
    except ValueError:
        content = None
    if not isinstance(content, dict):
        raise CannotRun(f"{file} cannot be read; this run cannot be resumed, a new one can be made.")
    return content


def _write(file: Path, content: Mapping[str, Any]) -> None:
    write_file(file, json.dumps(content, indent=2).encode(), mode=0o600)
