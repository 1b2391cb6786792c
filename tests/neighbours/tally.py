"""What became of the neighbours of a case that a seeded script made, counted by kind."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from traceback import extract_tb


@dataclass
class Tally:
    """The neighbours of one case, of which at most ``limit`` are tried."""

    case: str
    limit: int
    outcomes: Counter[str] = field(default_factory=Counter)

    def try_each(self, whole: int, example: Callable[[Random], str]) -> None:
        """Make and try up to ``whole`` examples, each from a chance of its own; one says what became of it.

        Raises:
            AssertionError: a rule was broken. Of each kind the count is told, and the number of the first
                one, which ``Random(f"{case} {number}")`` makes again.
        """
        broken: dict[str, list[int]] = {}
        first: Exception | None = None  # its traceback shows the way
        for number in range(min(whole, self.limit)):
            try:
                outcome = example(Random(f"{self.case} {number}"))
            except Exception as exc:
                first = first or exc
                broken.setdefault(_kind(exc), []).append(number)
                outcome = "BROKEN"
            self.outcomes[outcome] += 1
        kinds = [f"{len(numbers)} x {kind}, first by {numbers[0]}" for kind, numbers in broken.items()]
        if first is not None:
            raise AssertionError("\n".join([self.case, *kinds])) from first


def _kind(error: Exception) -> str:
    place = extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
