"""Plots as drawings to put into a page: what is measured, scaled to where it stands."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 560
"""Of the field that values are drawn in, in units of the drawing."""
TICKS = 5
DECIMALS = 10
FINEST = 10**-DECIMALS
"""Of steps: ticks that are rounded would all be the same."""


@dataclass(frozen=True, kw_only=True)
class Bar:
    """A range and a point in it, in the measure's unit; ``series`` counts providers, for colours.

    ``heading`` stands above the first of some that belong together; the others have none.
    """

    heading: str
    label: str
    series: int
    low: float
    point: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Dot:
    """A point in two measures."""

    label: str
    series: int
    x: float
    y: float


class Scale:
    """Maps values to places from 0 to ``length``, over round numbers that hold all of them."""

    def __init__(self, values: Sequence[float], length: float = WIDTH) -> None:
        low, high = min(values), max(values)
        step = _round_step(max((high - low or abs(high) or 1.0) / TICKS, FINEST))
        first, last = math.floor(low / step), math.ceil(high / step)
        last += first == last
        self._low, self._span, self._length = first * step, (last - first) * step, length
        self.ticks = [round(place * step, DECIMALS) for place in range(first, last + 1)]

    def __call__(self, value: float) -> float:
        """Return the place of a value, rounded so that drawings are the same everywhere."""
        return round((value - self._low) / self._span * self._length, 1)


def _round_step(step: float) -> float:
    """Return the next larger of 1, 2, 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(step))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= step * (1 - 1e-9))
