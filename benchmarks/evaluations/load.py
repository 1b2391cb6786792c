"""Load on AWS: what is counted while evaluations run, and the quotas that it is held against."""

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from character_identity.domain.job import ProviderJob
from character_identity.domain.slots import Slots
from character_identity.services.evaluations.results import LARGEST_ANSWER
from tests.support.fakes import FakeLedger, FakeSlots
from tests.support.in_process.executions import Execution, Executions

STEP_FUNCTIONS = "https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html, 2026-11-29"
LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, 2026-11-29"
DYNAMODB_GUIDE = "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide"
DYNAMODB = f"{DYNAMODB_GUIDE}/ServiceQuotas.html, 2026-11-29"
PARTITION = f"{DYNAMODB_GUIDE}/bp-partition-key-design.html, 2026-11-29"
EVENTS = {"Task": 5, "Choice": 2, "Wait": 2, "Map": 5, "Pass": 2, "Succeed": 2, "Fail": 1}
"""Of a state in a history: entered and exited; a task is scheduled, started and done, a map has its run.
https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html, read 2026-11-29."""
TOKEN_EVENTS = 1
"""A task with a token is submitted as well."""
AROUND = 2
"""The execution started and ended."""
CALL_S = 1.0
"""Seconds that a call of a function is taken to last: longer than any but those that load a model."""
READ_UNIT_BYTES = 4096
"""Read at once and strongly consistent, all rows of a query together."""
LEASE_BYTES = 250
"""Of a row of who waits for a slot, with its keys."""
WRITE_UNITS = 2
"""Of a row of 1 KB in a transaction, https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/
read-write-operations.html, read 2026-11-29."""


class Rate:
    """How often something happens in a second, at most, and in all."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self._second: datetime | None = None
        self._count = 0
        self.peak = 0
        self.total = 0

    def add(self, count: int = 1) -> None:
        second = self._now().replace(microsecond=0)
        if second != self._second:
            self._second, self._count = second, 0
        self._count += count
        self.total += count
        self.peak = max(self.peak, self._count)


class Quota(NamedTuple):
    """What is limited, how much of it is used at most, and where the limit was read."""

    name: str
    used: float
    limit: float
    source: str

    @property
    def share(self) -> float:
        return self.used / self.limit


class Load:
    """``answers`` counts the calls of functions, ``largest`` has sizes in bytes."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.transitions, self.starts, self.calls, self.budget = (Rate(now) for _ in range(4))
        self.line_reads: defaultdict[str, Rate] = defaultdict(lambda: Rate(now))
        self.longest_history = 0
        self.open_executions = 0
        self.children = 0
        self.longest_line = 0
        self.most_maps = 0
        self._maps: set[str] = set()
        self.largest: dict[str, int] = {}

    def counted_ledger(self, made: type[FakeLedger]) -> FakeLedger:
        """A ledger whose writes of an owner's month are counted: all its orders share that row."""
        load = self

        class Ledger(made):  # type: ignore[valid-type, misc]
            def _count(self, job: Any, **more: int) -> None:
                load.budget.add(WRITE_UNITS)
                super()._count(job, **more)

        ledger: FakeLedger = Ledger()
        return ledger

    def counted_slots(self, limits: Mapping[str, int]) -> FakeSlots:
        """Slots whose reads are counted: each has all of those who wait."""
        load = self

        class Line(FakeSlots):
            def get(self, account: str) -> Slots:
                slots = super().get(account)
                count = len(slots.waiting) + len(slots.holders)
                load.longest_line = max(load.longest_line, len(slots.waiting))
                load.line_reads[account].add(-(-max(1, count) * LEASE_BYTES // READ_UNIT_BYTES))
                return slots

        return Line(**limits)

    def counted_executions(self, *arguments: Any, **named: Any) -> Executions:
        """Executions whose starts are counted; those that a map starts are not among them."""
        load = self

        class Started(Executions):
            def start(self, job: ProviderJob) -> None:
                load.starts.add()
                super().start(job)

        return Started(*arguments, **named)

    def invoked(self) -> None:
        self.calls.add()

    def compiled(self, files: Mapping[str, str]) -> None:
        for name, content in files.items():
            self.grow(name, len(json.dumps(content)))

    def grow(self, name: str, size: int) -> None:
        self.largest[name] = max(size, self.largest.get(name, 0))

    def stepped(self, execution: Execution, transitions: int, executions: Executions) -> None:
        """An execution made a step."""
        self.transitions.add(transitions)
        if execution.status != "RUNNING":
            events = AROUND + sum(_events(execution.definition["States"][name]) for name in execution.path)
            self.longest_history = max(self.longest_history, events)
            self.open_executions = max(self.open_executions, len(executions.by_name))
            self.grow("state", len(str(execution.state)))
        if execution.map_run is None:
            self._maps.discard(execution.name)
        else:
            self._maps.add(execution.name)
            self.most_maps = max(self.most_maps, len(self._maps))
            self.children = max(self.children, len(execution.map_run.running))

    def quotas(self) -> Iterator[Quota]:
        """All, whatever is used of them: of accounts that are not new, in eu-west-1, us-east-1, us-west-2."""
        yield Quota("events of one history", self.longest_history, 25_000, STEP_FUNCTIONS)
        yield Quota("state transitions/s", self.transitions.peak, 5_000, STEP_FUNCTIONS)
        yield Quota("state transitions/s in other regions", self.transitions.peak, 800, STEP_FUNCTIONS)
        yield Quota("executions started/s", self.starts.peak, 300, STEP_FUNCTIONS)
        yield Quota("open executions", self.open_executions, 1_000_000, STEP_FUNCTIONS)
        yield Quota("open map runs", self.most_maps, 1_000, STEP_FUNCTIONS)
        yield Quota("children of a map at once", self.children, 10_000, STEP_FUNCTIONS)
        yield Quota("bytes of a state", self.largest.get("state", 0), 256 * 1024, STEP_FUNCTIONS)
        yield Quota("calls of functions at once", self.calls.peak * CALL_S, 1_000, LAMBDA)
        yield Quota("write units/s of the owner's month", self.budget.peak, 1_000, PARTITION)
        yield Quota("bytes of an evaluation's row", self.largest.get("row", 0), 400 * 1024, DYNAMODB)
        line = max((rate.peak for rate in self.line_reads.values()), default=0)
        yield Quota("read units/s of an account's slots", line, 3_000, PARTITION)
        for name in ("gallery.html", "results.csv"):
            yield Quota(f"bytes of an answer: {name}", self.largest.get(name, 0), LARGEST_ANSWER, LAMBDA)


def _events(state: Mapping[str, Any]) -> int:
    waits = str(state.get("Resource", "")).endswith(".waitForTaskToken")
    return EVENTS[state["Type"]] + (TOKEN_EVENTS if waits else 0)
