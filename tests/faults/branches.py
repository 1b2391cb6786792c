"""Branches of a scenario that differ in what goes wrong: it is run anew for each place where they part."""

import itertools
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.in_process.executions import Crash


@dataclass(frozen=True)
class Report:
    """What came of a branch, or its traceback."""

    text: str
    failed: bool = False


@dataclass
class Branch:
    """The branch that leaves the others at one of the places where they part; ``name`` is that place."""

    leaves_at: int
    name: str | None = None

    def split(self, name: str) -> bool:
        """Tell whether this is the branch in which it happens."""
        is_here, self.leaves_at = self.leaves_at == 0, self.leaves_at - 1
        if is_here:
            self.name = name
        return is_here


def explore(run: Callable[[Branch], str]) -> dict[str, Report]:
    """Run a scenario until no branch is left, and return what came of each by the place where it parted.

    ``run`` begins anew each time, and comes to the same places in the same order. The last branch parts
    nowhere; it counts, without a name, if it is the only one or fails.
    """
    reports: dict[str, Report] = {}
    for number in itertools.count():
        branch = Branch(number)
        report = _outcome_of(run, branch)
        if branch.name is None:
            return reports if reports and not report.failed else {**reports, "": report}
        assert branch.name not in reports, f"two places have one name: {branch.name}"
        reports[branch.name] = report
    raise AssertionError("unreachable")


def _outcome_of(run: Callable[[Branch], str], branch: Branch) -> Report:
    try:
        return Report(run(branch))
    except (Exception, Crash):
        return Report(traceback.format_exc(), failed=True)
