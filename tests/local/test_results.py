"""Each run has a folder of its own, which tells what was ordered, whatever ended it."""

import itertools
import json
from datetime import datetime
from pathlib import Path

import pytest

from local.errors import CannotRun
from local.options import BadOption
from local.results import LATEST, ORDERS, Journal, Run, find_run, new_run

NOW = datetime(2026, 11, 28, 15, 0, 7)


def test_two_runs_of_one_second_do_not_meet(tmp_path: Path) -> None:
    ids = map("{:06x}".format, itertools.count())
    one, other = (new_run(NOW, lambda: next(ids), tmp_path) for _ in range(2))
    assert (one.run_id, other.run_id) == ("20261128-150007-000000", "20261128-150007-000001")
    with pytest.raises(FileExistsError):
        new_run(NOW, lambda: "000000", tmp_path)


def test_what_was_made_is_not_made_again_by_the_next_process(tmp_path: Path) -> None:
    file = tmp_path / ORDERS
    journal = Journal(file)
    assert journal.once("a", lambda: ["x"]) == ["x"]
    with pytest.raises(ZeroDivisionError):
        journal.once("b", lambda: 1 // 0)
    again = Journal(file)
    assert again.once("a", lambda: ["y"]) == ["x"]
    assert again.once("b", lambda: 2) == 2
    assert json.loads(file.read_text()) == {"a": ["x"], "b": 2}
    assert file.stat().st_mode & 0o777 == 0o600


def test_latest_moves_on(tmp_path: Path) -> None:
    for name in ("1", "2"):
        run = Run(tmp_path / name)
        run.note({"n": name})
        run.publish()
    assert (tmp_path / LATEST).readlink() == Path("2")
    assert find_run(LATEST, tmp_path).run_id == "2"
    assert find_run("1", tmp_path).plan == {"n": "1"}


@pytest.mark.parametrize("run_id", ["3", "..", "/etc", "1/..", ""])
def test_a_run_that_is_not_there_is_named_with_those_that_are(tmp_path: Path, run_id: str) -> None:
    results = tmp_path / "results"
    with pytest.raises(BadOption, match=r"results has none\.$"):
        find_run(run_id, results)
    for name in ("20261127-000000-a", "20261128-000000-b"):
        Run(results / name).note({})
    with pytest.raises(BadOption, match=r"the newest are 20261128-000000-b, 20261127-000000-a\.$"):
        find_run(run_id, results)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff"])
def test_a_broken_record_is_said_in_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ORDERS).write_bytes(content)
    with pytest.raises(CannotRun, match=r"orders\.json cannot be read; this run cannot be resumed"):
        Journal(tmp_path / ORDERS)
