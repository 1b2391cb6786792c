"""What all tests rely on does what it should."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.distribution import APART, LONGEST_FIRST, TOGETHER, rank_of, unit_of

ROOT = Path(__file__).parents[1]


def test_a_process_is_refused_to_who_is_not_marked() -> None:
    with pytest.raises(AssertionError, match=r"pytest\.mark\.processes"):
        subprocess.run([sys.executable, "-V"])


@pytest.mark.processes
def test_a_process_is_granted_to_who_is_marked() -> None:
    assert subprocess.run([sys.executable, "-V"], capture_output=True).returncode == 0


def test_what_is_handed_out_by_name_is_there() -> None:
    named = {*APART, *TOGETHER, *LONGEST_FIRST}
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_a_file_stays_together_unless_it_says_otherwise() -> None:
    assert unit_of("tests/domain/test_a.py::test_b[x]") == "tests/domain/test_a.py"
    assert unit_of(f"{APART[0]}::test_b[x]") == f"{APART[0]}::test_b[x]"
    assert unit_of(f"{TOGETHER[0]}test_a.py::test_b") == TOGETHER[0]


def test_what_takes_longest_begins_first() -> None:
    assert rank_of(f"{LONGEST_FIRST[0]}::test_a") == 0
    assert rank_of("tests/domain/test_a.py::test_b") == len(LONGEST_FIRST)
