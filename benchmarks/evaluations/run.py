"""A hundred characters, ten providers, five scenarios, three variations.

On the real state machines and services, with time that jumps: what it costs, how long it takes by slots,
which quota comes first, and whether memory grows with the work.
"""

import gc
import itertools
import logging
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.evaluations.harness import REFERENCES, Harness
from benchmarks.evaluations.load import Quota
from benchmarks.evaluations.providers import providers
from character_evaluation.scenarios import shipped
from character_identity.domain.budget import usd
from character_identity.domain.evaluation import EvaluationOrder, EvaluationRequest
from tests.support.in_process.executions import Execution

CHARACTERS, PROVIDERS, SCENARIOS, VARIATIONS = 100, 10, 5, 3
SLOTS = (2, 8, 40)
"""Of each account: those of a new one at fal, and more."""
AT_ONCE = 10
"""Evaluations: as one ends, the next is ordered. More would not be faster, for slots are what is short."""
APART = timedelta(seconds=1)
"""Between two orders; an owner may send sixty a minute."""
TRANSITION_USD = 0.025 / 1000
"""https://aws.amazon.com/step-functions/pricing/, read 2026-11-28; the first 4,000 of a month are free."""
MEASURED_AT = (0.10, 0.25, 0.50, 0.75, 1.0)
"""Shares of the state machines that have ended when the resident memory is measured."""
GROWN_UP = 1
"""The measurement from which on memory may not grow, where those that began together have ended by then."""
MOST_GROWTH_MB = 2
PAGE = 4096
MB = 1024 * 1024


@dataclass(frozen=True)
class Simulated:
    """One simulation: its figures, and the process's resident MB at each of ``MEASURED_AT``."""

    slots: int
    orders: int
    pictures: int
    spent_usd: float
    took: timedelta
    transitions: int
    calls: int
    memory_mb: list[float]
    quotas: list[Quota]
    cpu_s: float

    @property
    def growth_mb(self) -> float:
        return max(self.memory_mb[GROWN_UP:]) - self.memory_mb[GROWN_UP]


def main(characters: int = CHARACTERS, *slots: int) -> int:
    """Simulate with each number of slots; 0 if all of them ended as they should."""
    logging.disable()
    console = Console(width=110)
    runs = []
    for number in slots or SLOTS:
        runs.append(simulated(characters, number))
        console.print(f"simulated with {number} slots in {runs[-1].cpu_s:.0f} s of CPU")
    console.print(figures(runs), use_of(fullest(runs)), memory(runs))
    have_ended = characters * MEASURED_AT[GROWN_UP] >= AT_ONCE
    grown = [run for run in runs if have_ended and run.growth_mb > MOST_GROWTH_MB]
    for run in grown:
        console.print(f"With {run.slots} slots memory grew by more than {MOST_GROWTH_MB} MB.")
    return 1 if grown else 0


def simulated(characters: int, slots: int, count: int = PROVIDERS) -> Simulated:
    """Run the evaluations of so many characters to their end."""
    began = time.process_time()
    resident: list[float] = []
    with TemporaryDirectory() as folder, closing(_database(Path(folder) / "rows")) as database:
        harness = Harness(partial(providers, count), slots, database)
        ordered_at = harness.clock()
        ended, machines = itertools.count(1), characters * (1 + _orders(harness))
        measured_at = {round(share * machines) for share in MEASURED_AT}
        numbers = iter(range(characters))
        for after, number in enumerate(itertools.islice(numbers, AT_ONCE)):
            harness.order(after * APART, f"e{number:03}", _request(number, harness))

        def see(execution: Execution) -> None:
            if next(ended) in measured_at:
                gc.collect()
                resident.append(_resident_mb())
            number = next(numbers, None) if execution.definition["StartAt"] == "Plan" else None
            if number is not None:
                harness.order(APART, f"e{number:03}", _request(number, harness))

        harness.run(see)
        stored = [harness.evaluations.get(f"e{number:03}") for number in range(characters)]
        assert {each.status for each in stored} == {"completed"}
        orders = sum(provider.orders for provider in harness.providers.values())
        assert orders == characters * _orders(harness), "each is made once"
        rows = [row for each in stored for row in harness.evaluations.cell_outcomes(each.evaluation_id)]
        month = harness.ledger.of("ann", ordered_at.strftime("%Y-%m"))
        assert month.reserved_microusd == 0
        for each in stored:
            harness.load.grow("row", len(each.model_dump_json()))
        return Simulated(
            slots=slots,
            orders=orders,
            pictures=sum(row.pictures for row in rows),
            spent_usd=usd(month.committed_microusd),
            took=harness.clock() - ordered_at,
            transitions=harness.load.transitions.total,
            calls=harness.load.calls.total,
            memory_mb=resident,
            quotas=list(harness.load.quotas()),
            cpu_s=time.process_time() - began,
        )


def figures(runs: Sequence[Simulated]) -> Table:
    """A line for each number of slots."""
    table = Table(box=SIMPLE_HEAD)
    for name in (
        "slots",
        "orders",
        "pictures",
        "providers",
        "hours",
        "transitions",
        "of them",
        "calls",
        "CPU",
    ):
        table.add_column(name, justify="right")
    for run in runs:
        table.add_row(
            str(run.slots),
            f"{run.orders:,}",
            f"{run.pictures:,}",
            f"${run.spent_usd:,.2f}",
            f"{run.took.total_seconds() / 3600:.1f}",
            f"{run.transitions:,}",
            f"${run.transitions * TRANSITION_USD:.2f}",
            f"{run.calls:,}",
            f"{run.cpu_s:.0f} s",
        )
    return table


def fullest(runs: Sequence[Simulated]) -> list[Quota]:
    """Each quota in the run that used most of it, that which is hit first in front."""
    together = zip(*(run.quotas for run in runs), strict=True)
    most = (max(of_runs, key=lambda quota: quota.share) for of_runs in together)
    return sorted(most, key=lambda quota: -quota.share)


def use_of(quotas: Sequence[Quota]) -> Table:
    """Return how much of each quota is used."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("quota")
    for name in ("used at most", "of", "share"):
        table.add_column(name, justify="right")
    for quota in quotas:
        table.add_row(quota.name, f"{quota.used:,.0f}", f"{quota.limit:,.0f}", f"{quota.share:.1%}")
    return table


def memory(runs: Sequence[Simulated]) -> Table:
    """Resident MB, and by how much they grew since the first quarter."""
    table = Table(box=SIMPLE_HEAD)
    for name in (
        "slots",
        *(f"{share:.0%}" for share in MEASURED_AT),
        f"growth since {MEASURED_AT[GROWN_UP]:.0%}",
    ):
        table.add_column(name, justify="right")
    for run in runs:
        table.add_row(str(run.slots), *(f"{each:.1f}" for each in (*run.memory_mb, run.growth_mb)))
    return table


def _request(number: int, harness: Harness) -> EvaluationRequest:
    return EvaluationRequest(
        name=f"Sarah {number}",
        class_name="woman",
        references=REFERENCES,
        identities={},
        providers=[*harness.providers],
        scenarios=shipped("specification")[:SCENARIOS],
        variations=VARIATIONS,
        seed=number,
        max_cost_usd=None,
    )


def _database(file: Path) -> sqlite3.Connection:
    """One that several threads may use, and that nobody needs afterwards."""
    database = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
    database.execute("PRAGMA synchronous = OFF")
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA locking_mode = EXCLUSIVE")
    return database


def _orders(harness: Harness) -> int:
    """Return what one evaluation orders: cells, and trainings."""
    request = _request(0, harness)
    order = EvaluationOrder(name="Sarah", scenarios=list(request.scenarios), variations=request.variations)
    trainings = sum(provider.trains for provider in harness.providers.values())
    return trainings + len(order.cells(harness.providers.names()))


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / MB
