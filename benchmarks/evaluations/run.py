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

from benchmarks.evaluations.load import Quota
from benchmarks.evaluations.providers import providers
from benchmarks.evaluations.world import REFERENCES, World
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
TIMES_SEEN = 10
"""That it is looked at how much memory is resident, evenly over the machines that ended."""
MOST_GROWTH_MB = 60
"""From the first look to the last."""
PAGE = 4096
MB = 1024 * 1024


@dataclass(frozen=True)
class Simulated:
    """One simulation: its figures, and the process's resident MB after each tenth of its state machines."""

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


def main(characters: int = CHARACTERS, *slots: int) -> int:
    """Simulate with each number of slots; 0 if all of them ended as they should."""
    logging.disable()
    console = Console(width=110)
    runs = []
    for number in slots or SLOTS:
        runs.append(simulated(characters, number))
        console.print(figures(runs), f"memory in MB: {_in_words(runs[-1].memory_mb)}")
    console.print(use_of(fullest(runs)))
    grown = [run for run in runs if run.memory_mb[-1] - run.memory_mb[0] > MOST_GROWTH_MB]
    for run in grown:
        console.print(f"With {run.slots} slots memory grew by more than {MOST_GROWTH_MB} MB.")
    return 1 if grown else 0


def simulated(characters: int, slots: int, count: int = PROVIDERS) -> Simulated:
    """Run the evaluations of so many characters to their end."""
    began = time.process_time()
    memory: list[float] = []
    with TemporaryDirectory() as folder, closing(_database(Path(folder) / "rows")) as database:
        world = World(partial(providers, count), slots, database)
        ordered_at = world.clock()
        ended, machines = itertools.count(1), characters * (1 + _orders(world))
        numbers = iter(range(characters))
        for after, number in enumerate(itertools.islice(numbers, AT_ONCE)):
            world.order(after * APART, f"e{number:03}", _request(number, world))

        def see(execution: Execution) -> None:
            if next(ended) % (machines // TIMES_SEEN) == 0:
                gc.collect()
                memory.append(_resident_mb())
            number = next(numbers, None) if execution.definition["StartAt"] == "Plan" else None
            if number is not None:
                world.order(APART, f"e{number:03}", _request(number, world))

        world.run(see)
        stored = [world.evaluations.get(f"e{number:03}") for number in range(characters)]
        assert {each.status for each in stored} == {"completed"}
        rows = [row for each in stored for row in world.evaluations.cell_outcomes(each.evaluation_id)]
        month = world.ledger.of("ann", ordered_at.strftime("%Y-%m"))
        assert month.reserved_microusd == 0
        for each in stored:
            world.load.grow("row", len(each.model_dump_json()))
        return Simulated(
            slots=slots,
            orders=sum(provider.orders for provider in world.providers.values()),
            pictures=sum(row.pictures for row in rows),
            spent_usd=usd(month.committed_microusd),
            took=world.clock() - ordered_at,
            transitions=world.load.transitions.total,
            calls=world.load.calls.total,
            memory_mb=memory,
            quotas=list(world.load.quotas()),
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
    """How much of each quota is used."""
    table = Table(box=SIMPLE_HEAD)
    table.add_column("quota")
    for name in ("used at most", "of", "share"):
        table.add_column(name, justify="right")
    for quota in quotas:
        table.add_row(quota.name, f"{quota.used:,.0f}", f"{quota.limit:,.0f}", f"{quota.share:.1%}")
    return table


def _request(number: int, world: World) -> EvaluationRequest:
    return EvaluationRequest(
        name=f"Sarah {number}",
        class_name="woman",
        references=REFERENCES,
        identities={},
        providers=[*world.providers],
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
    return database


def _orders(world: World) -> int:
    """What one evaluation orders: cells, and trainings."""
    request = _request(0, world)
    order = EvaluationOrder(name="Sarah", scenarios=list(request.scenarios), variations=request.variations)
    trainings = sum(provider.trains for provider in world.providers.values())
    return trainings + len(order.cells(world.providers.names()))


def _resident_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / MB


def _in_words(memory: Sequence[float]) -> str:
    return ", ".join(f"{each:.0f}" for each in memory)
