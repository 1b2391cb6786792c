"""Worlds that differ in what goes wrong: the same story, told anew for each place where it may part."""

import itertools
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from tests.support.in_process.executions import Crash


@dataclass(frozen=True)
class Report:
    """What came of a world, or its traceback."""

    text: str
    failed: bool = False


@dataclass
class World:
    """The world that leaves the others at one of the places where they part; ``name`` is that place."""

    leaves_at: int
    name: str | None = None

    def split(self, name: str) -> bool:
        """Tell whether this is the world in which it happens."""
        is_here, self.leaves_at = self.leaves_at == 0, self.leaves_at - 1
        if is_here:
            self.name = name
        return is_here


def explore(tell: Callable[[World], str]) -> dict[str, Report]:
    """Tell a story until no world is left, and return what came of each by the place where it parted.

    ``tell`` begins anew each time, and comes to the same places in the same order. The last world parts
    nowhere; it counts, without a name, if it is the only one or fails.
    """
    reports: dict[str, Report] = {}
    for number in itertools.count():
        world = World(number)
        report = _outcome_of(tell, world)
        if world.name is None:
            return reports if reports and not report.failed else {**reports, "": report}
        assert world.name not in reports, f"two places have one name: {world.name}"
        reports[world.name] = report
    raise AssertionError("unreachable")


def _outcome_of(tell: Callable[[World], str], world: World) -> Report:
    try:
        return Report(tell(world))
    except (Exception, Crash):
        return Report(traceback.format_exc(), failed=True)
