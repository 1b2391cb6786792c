"""Each branch parts from the others at one place, and what comes of it is reported, whatever that is."""

import pytest

from tests.faults.branches import Branch, explore
from tests.support.in_process.executions import Crash


def test_each_branch_parts_at_another_place_and_knows_nothing_of_the_others() -> None:
    def run(branch: Branch) -> str:
        seen = []
        for number in range(4):
            seen.append(number)
            if branch.split(str(number)):
                break
        return f"saw {seen}"

    reports = explore(run)
    assert {name: report.text for name, report in reports.items()} == {
        "0": "saw [0]",
        "1": "saw [0, 1]",
        "2": "saw [0, 1, 2]",
        "3": "saw [0, 1, 2, 3]",
    }
    assert not any(report.failed for report in reports.values())


def test_a_scenario_that_never_parts_is_run_once() -> None:
    assert [(name, report.text) for name, report in explore(lambda branch: "well").items()] == [("", "well")]


@pytest.mark.parametrize("error", [AssertionError("no more"), Crash("no more")], ids=["error", "crash"])
def test_an_error_is_reported_with_its_traceback(error: BaseException) -> None:
    def run(branch: Branch) -> str:
        if branch.split("there"):
            raise error
        return "well"

    (report,) = explore(run).values()
    assert report.failed
    assert "in run" in report.text
    assert "no more" in report.text


def test_an_error_where_nothing_happened_is_reported_beside_the_others() -> None:
    def run(branch: Branch) -> str:
        if branch.split("there"):
            return "well"
        raise AssertionError("not even without it")

    reports = explore(run)
    assert [(name, report.failed) for name, report in reports.items()] == [("there", False), ("", True)]


def test_two_places_of_one_name_are_an_error() -> None:
    with pytest.raises(AssertionError, match="two places have one name: there"):
        explore(lambda branch: str([branch.split("there") for _ in range(2)]))
