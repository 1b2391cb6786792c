"""Generated neighbours of what broke once: a sample in every run, all of them in ``make nightly``."""

import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.neighbours.tally import Tally

KEY = "neighbours"


@pytest.fixture
def tally(request: pytest.FixtureRequest, examples: int) -> Iterator[Tally]:
    """For one test, whose name is the case; what it counts is told at the end of the run."""
    tally = Tally(request.node.name, examples)
    yield tally
    request.node.user_properties.append((KEY, json.dumps({tally.case: dict(tally.outcomes)})))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.nodeid.startswith("tests/neighbours/"):
            item.add_marker(pytest.mark.exhaustive)


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if "EXAMPLES" not in os.environ:
        return
    told = {
        case: outcomes
        for reports in terminalreporter.stats.values()
        for report in reports
        for name, text in getattr(report, "user_properties", ())
        if name == KEY
        for case, outcomes in json.loads(text).items()
    }
    for case, outcomes in sorted(told.items()):
        terminalreporter.write_line(f"{sum(outcomes.values()):>7} {case}")
        for outcome, count in sorted(outcomes.items(), key=lambda item: -item[1]):
            terminalreporter.write_line(f"        {count:>7} {outcome}")
