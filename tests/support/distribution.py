"""Which tests go to which worker of pytest-xdist, when, and what it tells of them.

A file's tests stay together, as what its fixtures prepare is prepared once. What takes longest begins first,
so that no worker is left alone with it at the end.
"""

from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from _pytest.runner import runtestprotocol
from xdist.scheduler import LoadScopeScheduling

TOGETHER: tuple[tuple[str, ...], ...] = (
    ("tests/infra/",),
    ("tests/state_machines/",),
    (
        "tests/system/test_faults.py",
        "tests/system/test_evaluations.py",
        "tests/system/test_logs.py",
        "tests/system/test_whole_flow.py",
    ),
    (
        "tests/system/test_quick_starts.py",
        "tests/system/test_service_modules.py",
        "tests/system/test_docs_page.py",
        "tests/system/test_owners.py",
    ),
)
"""Files and folders that share what takes long to prepare. A running system takes 20 s of computing,
most of it for functions that start; so there are two, with about as much to do."""

APART = ("tests/faults/test_table.py", "tests/histories/test_model.py")
"""Files whose tests take long and share nothing."""

LONGEST_FIRST = (
    "tests/system/test_faults.py",
    "tests/system/test_quick_starts.py",  # whose clients wait; a front end has 25 s for its first picture
    "tests/system/test_service_modules.py",
    "tests/system/test_killed.py",
    "tests/faults/test_table.py",
    "tests/system/",
    "tests/state_machines/",
    "tests/histories/test_third_kind.py",
    "tests/local/test_dev.py",
    "tests/local/test_durability.py",
    "tests/histories/test_model.py",
    "tests/local/",
    "tests/histories/",
    "tests/faults/",
    "tests/official_clients/",
    "tests/infra/",
    "tests/typescript/",
    "tests/scripts/",
    "tests/functions/score_image/test_faces.py",
    "tests/functions/",
    "tests/benchmarks/",
    "tests/contracts/",
    "tests/evaluation/test_in_browser.py",
    "tests/aws/",
)
"""In this order; whatever is not named here is short. What waits for other processes, as state machines and
local do, begins beside what computes, or the cores would wait too."""


NOTED_S = 0.1
"""What takes longer to set up or to tear down is told, for ``--durations``."""


class OneReport:
    """Has a worker tell one thing of a test that passes, not five, which cost as much as a short test."""

    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> bool:
        for report in runtestprotocol(item, log=False, nextitem=nextitem):
            if report.when == "call" or not report.passed or report.duration > NOTED_S:
                item.ihook.pytest_runtest_logreport(report=report)
        return True


class FilesLongestFirst(LoadScopeScheduling):  # type: ignore[misc]
    """Hands a file, a folder or a test to the next worker that is idle."""

    def __init__(self, config: Any, log: Any) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False  # they are in order already

    def _split_scope(self, nodeid: str) -> str:
        return unit_of(nodeid)


def unit_of(nodeid: str) -> str:
    """Name what a test stays together with."""
    if nodeid.startswith(APART):
        return nodeid
    group = next((group for group in TOGETHER if nodeid.startswith(group)), None)
    return group[0] if group else nodeid.partition("::")[0]


def modules_first(config: pytest.Config) -> list[str]:
    """Name the test modules that a worker imports before the rest, which others have compiled by then."""
    worker = getattr(config, "workerinput", None)
    if worker is None:
        return []
    files = sorted(file for argument in config.args for file in Path(argument).rglob("test_*.py"))
    own = files[int(worker["workerid"].removeprefix("gw")) :: worker["workercount"]]
    return [".".join(file.with_suffix("").parts) for file in own]


def rank_of(nodeid: str) -> int:
    """Count what should begin before a test."""
    return len(list(takewhile(lambda prefix: not nodeid.startswith(prefix), LONGEST_FIRST)))
