"""Forks go on where the process was, and report what became of them, whatever that is."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
SCRIPT = """
import json, os, signal, sys
from dataclasses import asdict
from tests.faults.forks import Forks

forks, seen = Forks(), []

def work():
    for number in range(4):
        seen.append(number)
        if forks.split(str(number)):
            {happens}
    return f"saw {seen}"

print(json.dumps({name: asdict(told) for name, told in forks.explore(work).items()}))
"""


def explored(happens: str) -> dict[str, dict[str, Any]]:
    """Return the output of a script whose forks do something; it has a process that does nothing else."""
    script = SCRIPT.replace("{happens}", happens)
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    reports: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return reports


def test_each_fork_has_what_was_before_it_and_nothing_of_the_others() -> None:
    reports = explored("break")
    assert [fork["text"] for fork in reports.values()] == [
        "saw [0]",
        "saw [0, 1]",
        "saw [0, 1, 2]",
        "saw [0, 1, 2, 3]",
    ]
    assert not any(fork["failed"] for fork in reports.values())


def test_an_error_is_reported_with_its_traceback() -> None:
    reports = explored("raise SystemExit('no more')")
    assert all(fork["failed"] and "no more" in fork["text"] for fork in reports.values())


def test_a_fork_that_is_gone_has_failed() -> None:
    reports = explored("os.kill(os.getpid(), signal.SIGKILL)")
    assert len(reports) == 4
    assert all(fork["failed"] for fork in reports.values())
