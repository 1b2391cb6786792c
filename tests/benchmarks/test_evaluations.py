"""What the simulation of many evaluations counts, and where its rows lie."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from benchmarks.evaluations import harness as harnesses
from benchmarks.evaluations.load import Load, Rate
from benchmarks.evaluations.providers import KINDS, Provider, Providers
from benchmarks.evaluations.stores import OnDisk, Parts
from character_evaluation.scenarios import shipped
from character_identity.domain.evaluation import EvaluationRequest
from tests.support.event_fakes import FakeBus
from tests.support.reachable import module_state, reachable

ROOT = Path(__file__).parents[2]
START = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.mark.processes
def test_one_character_is_drawn_by_all_and_paid_for_once_each() -> None:
    """Ten providers: seven train, seven draw 15 pictures one by one, three five times four."""
    command = [sys.executable, "-m", "benchmarks", "evaluations", "1", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    [slots, orders, pictures, spent, *_] = next(
        cells for cells in map(str.split, done.stdout.splitlines()) if cells[:1] == ["2"]
    )
    assert (int(slots), int(orders), int(pictures)) == (2, 7 + 7 * 15 + 3 * 5, 7 * 15 + 3 * 20)
    drawn = 4 * 15 * 0.035 + 3 * 15 * 0.10 + 3 * 20 * 0.20
    assert spent == f"${4 * 2.00 + 3 * 5.00 + drawn:.2f}"


def test_a_rate_is_of_the_busiest_second() -> None:
    moment = START
    rate = Rate(lambda: moment)
    for seconds, count in ((0.0, 2), (0.9, 3), (1.0, 4), (70.0, 1)):
        moment = START + timedelta(seconds=seconds)
        rate.add(count)
    assert (rate.peak, rate.total) == (5, 10)


def test_every_quota_has_a_limit_and_says_where_it_was_read() -> None:
    for quota in Load(lambda: START).quotas():
        assert quota.limit > 0 and quota.used == 0
        assert quota.source.startswith("https://docs.aws.amazon.com/")


def test_rows_on_disk_are_those_of_a_dictionary() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        rows = OnDisk(database, "rows")
        rows["a"], rows["b", 1] = {"x": 1}, [2]
        rows["a"] = {"x": 3}
        assert dict(rows) == {"a": {"x": 3}, ("b", 1): [2]}
        assert (len(rows), "a" in rows, "c" in rows) == (2, True, False)
        rows["a"]["x"] = 9
        assert rows.pop("a") == {"x": 3}, "values are copies, as rows are"
        with pytest.raises(KeyError):
            del rows["a"]
        parts = Parts(database, "of")
        parts.setdefault("e1", {})["k"] = 1
        parts.setdefault("e2", {})["k"] = 2
        assert (dict(parts.get("e1")), dict(parts.get("e3", {}))) == ({"k": 1}, {})


FIRST = 2
"""Evaluations after which there is all that is made once."""
NAMES: Any = ("fal-lora", "fal-instant")
Change = Callable[[pytest.MonkeyPatch], None]


def test_what_is_over_is_kept_on_disk_only() -> None:
    early, late = _alive_after(FIRST, 2 * FIRST)
    assert (late - early).total() < FIRST


def _a_bus_that_remembers(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(harnesses, "_Bus", FakeBus)


def _one_scorer_for_all(patch: pytest.MonkeyPatch) -> None:
    made = harnesses.Harness._make_services

    def once(harness: harnesses.Harness) -> None:
        made(harness)
        harness.scoring = cache(harness.scoring)

    patch.setattr(harnesses.Harness, "_make_services", once)


def _a_provider_that_remembers(patch: pytest.MonkeyPatch) -> None:
    submit, taken = Provider.submit, set()

    def submitted(provider: Provider, mark: str, callback_url: str | None, seconds: int) -> Any:
        handle = submit(provider, mark, callback_url, seconds)
        taken.add(handle.provider_job_id)
        return handle

    patch.setattr(Provider, "submit", submitted)
    patch.setattr(harnesses, "taken", taken, raising=False)


def _rows_in_memory(patch: pytest.MonkeyPatch) -> None:
    patch.setattr("benchmarks.evaluations.stores.KEPT", set())


@pytest.mark.parametrize(
    "change", [_a_bus_that_remembers, _one_scorer_for_all, _a_provider_that_remembers, _rows_in_memory]
)
def test_what_is_kept_in_memory_is_noticed(change: Change, monkeypatch: pytest.MonkeyPatch) -> None:
    change(monkeypatch)
    early, late = _alive_after(FIRST, 2 * FIRST)
    assert (late - early).total() >= FIRST


def _alive_after(*counts: int) -> list[Any]:
    """What is alive, by type, as so many evaluations have ended, one after the other."""
    with closing(sqlite3.connect(":memory:", isolation_level=None, check_same_thread=False)) as database:
        harness = harnesses.Harness(
            lambda now: Providers(
                {name: Provider(name, kind, now) for name, kind in zip(NAMES, KINDS, strict=False)}
            ),
            slots=2,
            database=database,
        )
        found = []
        for number in range(1, max(counts) + 1):
            harness.order(timedelta(), f"e{number}", _an_order())
            harness.run(lambda execution: None)
            if number in counts:
                found.append(reachable(harness, module_state("character_", "benchmarks.", "tests.support.")))
    return found


def _an_order() -> EvaluationRequest:
    return EvaluationRequest(
        name="Sarah",
        class_name="woman",
        references=harnesses.REFERENCES,
        identities={},
        providers=[*NAMES],
        scenarios=shipped("specification")[:1],
        variations=1,
        seed=1,
        max_cost_usd=None,
    )
