"""What the simulation of many evaluations counts, and where its rows lie."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from benchmarks.evaluations.load import Load, Rate
from benchmarks.evaluations.stores import OnDisk, Tables

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
        tables = Tables(database, "of")
        tables.setdefault("e1", {})["k"] = 1
        assert (tables["e1"]["k"], "e2" in tables) == (1, False)
