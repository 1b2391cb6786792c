"""What all tests rely on does what it should."""

import itertools
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.support.distribution import APART, LONGEST_FIRST, TOGETHER, modules_first, rank_of, unit_of

ROOT = Path(__file__).parents[1]
SYSTEM = ROOT / "tests" / "system"


def test_a_process_is_refused_to_who_is_not_marked() -> None:
    with pytest.raises(AssertionError, match=r"pytest\.mark\.processes"):
        subprocess.run([sys.executable, "-V"])


@pytest.mark.processes
def test_a_process_is_granted_to_who_is_marked() -> None:
    assert subprocess.run([sys.executable, "-V"], capture_output=True).returncode == 0


def test_what_is_handed_out_by_name_is_there() -> None:
    named = {*APART, *itertools.chain(*TOGETHER), *LONGEST_FIRST}
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_a_file_stays_together_unless_it_says_otherwise() -> None:
    assert unit_of("tests/domain/test_a.py::test_b[x]") == "tests/domain/test_a.py"
    assert unit_of(f"{APART[0]}::test_b[x]") == f"{APART[0]}::test_b[x]"
    folder, *_ = TOGETHER[0]
    assert unit_of(f"{folder}test_a.py::test_b") == folder
    assert len({unit_of(f"{file}::test_b") for file in TOGETHER[-1]}) == 1


def test_what_asks_for_a_running_system_is_in_one_of_two_units() -> None:
    files = [path for path in SYSTEM.glob("test_*.py") if "running_system: Running" in path.read_text()]
    assert len({unit_of(f"{path.relative_to(ROOT)}::test_a") for path in files}) == 2


def test_each_module_is_imported_first_by_one_worker(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    monkeypatch.chdir(ROOT)
    shares = [_imported_first(f"gw{number}", ["tests", f"{ROOT}/client"]) for number in range(3)]
    assert sum(map(len, shares)) == len(set().union(*shares)) == len([*ROOT.glob("tests/**/test_*.py")])
    assert {request.module.__name__, "tests.infra.test_stack"} <= set().union(*shares)
    assert _imported_first("gw0", ["tests/test_harness.py::test_a"]) == []


def _imported_first(worker: str, arguments: list[str]) -> list[str]:
    config = SimpleNamespace(args=arguments, workerinput={"workerid": worker, "workercount": 3})
    return modules_first(config)  # type: ignore[arg-type]


def test_what_takes_longest_begins_first() -> None:
    assert rank_of(f"{LONGEST_FIRST[0]}::test_a") == 0
    assert rank_of("tests/domain/test_a.py::test_b") == len(LONGEST_FIRST)
