"""How far apart two providers are, with a confidence interval and a decision that is rarely wrong.

The unit of observation is the cluster: one scenario of one character. Pictures of one scenario resemble each
other, so fifteen pictures of five scenarios are five observations and not fifteen. Both providers had the
same clusters to do, so what is compared is the difference within each: what is hard for everybody cancels.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean, stdev

LEVEL = 0.95
"""Of every interval that is shown."""
FEWEST_CLUSTERS = 5
"""Below, nothing is decided: from here on benchmarks/intervals.py tried how often intervals hold."""
CONSTANT = 1e-9
"""Differences that vary by less than this part of themselves do not vary: a price list, and rounding."""
ROUNDING = 1e-12
"""Left of sums of logarithms that cancel out; scores differ by a millionth at least."""

Measure = Mapping[str, Mapping[str, Sequence[float]]]
"""What was measured, by provider and by cluster; one number for each picture that has one."""


Interval = tuple[float, float]
SIMILARITIES: Interval = (-1.0, 1.0)
AMOUNTS: Interval = (0.0, math.inf)
SHARES: Interval = (0.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Difference:
    """By how much ``one`` measures more than ``other``, in the measure's unit.

    ``clusters`` have values of both. ``missed_by_one`` counts those in which only the other has any, and the
    other way round: who gave nothing in a scenario is not compared there. ``interval`` is Student's t on the
    differences of means, at 95 %, for this pair alone; ``p`` is of the same test, two-sided, and ``p_holm``
    that value among all pairs (Holm 1979). All are None of fewer than two clusters.
    """

    one: str
    other: str
    clusters: int
    missed_by_one: int
    missed_by_other: int
    mean: float | None = None
    deviation: float | None = None
    interval: Interval | None = None
    p: float | None = None
    p_holm: float | None = None

    def ahead(self, risk: float) -> str | None:
        """Return which of the two measures more, or None: not decided at this risk of being wrong.

        Nothing is decided by fewer than ``FEWEST_CLUSTERS``, nor for a provider that gave nothing where the
        other gave something: it may lead because it left out what is hard.
        """
        return self._preferred(risk, is_one=self.mean is not None and self.mean > 0)

    def below(self, risk: float) -> str | None:
        """Return which of the two measures less, where that is the better one; or None, as ``ahead``."""
        return self._preferred(risk, is_one=self.mean is not None and self.mean < 0)

    def is_told(self, risk: float) -> bool:
        """Whether the values alone would decide, whoever gave nothing somewhere."""
        return self.p_holm is not None and self.p_holm < risk and self.clusters >= FEWEST_CLUSTERS

    def _preferred(self, risk: float, *, is_one: bool) -> str | None:
        preferred, missed = (self.one, self.missed_by_one) if is_one else (self.other, self.missed_by_other)
        return preferred if self.is_told(risk) and not missed else None


def differences(measure: Measure) -> list[Difference]:
    """Compare each provider with each later one, in the measure's order."""
    return _adjusted([_difference(measure, one, other) for one, other in combinations(measure, 2)])


def cluster_means(measure: Measure, provider: str) -> dict[str, float]:
    """Return a provider's mean by cluster, where it has values."""
    return {cluster: fmean(values) for cluster, values in measure[provider].items() if values}


def mean_interval(means: Sequence[float], possible: Interval) -> Interval | None:
    """Return Student's interval of the mean of clusters, at 95 %; None of fewer than two.

    It knows no bounds, so what is not ``possible`` is cut off: the truth is not there, and as often within
    what is left.
    """
    if len(means) < 2:
        return None
    least, most = possible
    low, high = _student(means)[0]
    return min(max(low, least), most), max(min(high, most), least)


def _difference(measure: Measure, one: str, other: str) -> Difference:
    ones, others = cluster_means(measure, one), cluster_means(measure, other)
    apart = [_apart(ones[cluster], others[cluster]) for cluster in ones if cluster in others]
    found = Difference(
        one=one,
        other=other,
        clusters=len(apart),
        missed_by_one=len(others.keys() - ones.keys()),
        missed_by_other=len(ones.keys() - others.keys()),
    )
    return found if len(apart) < 2 else _tested(found, apart)


def _apart(one: float, other: float) -> float:
    """Return the difference; what rounding makes of two that are equal is none."""
    return 0.0 if math.isclose(one, other, rel_tol=CONSTANT, abs_tol=ROUNDING) else one - other


def _tested(found: Difference, apart: Sequence[float]) -> Difference:
    interval, p = _student(apart)
    return replace(found, mean=fmean(apart), deviation=stdev(apart), interval=interval, p=p)


def _student(values: Sequence[float]) -> tuple[Interval, float]:
    """Return the interval of the mean, and the two-sided p of its being 0."""
    mean, deviation = fmean(values), stdev(values)
    if deviation <= CONSTANT * max(abs(each) for each in values):  # its limit: the test divides by it
        return (mean, mean), 1.0 if mean == 0 else 0.0
    from scipy import special  # a quarter of a second of loading, for those who compare only

    df, error = len(values) - 1, deviation / math.sqrt(len(values))
    half = float(special.stdtrit(df, (1 + LEVEL) / 2)) * error
    return (mean - half, mean + half), 2 * float(special.stdtr(df, -abs(mean) / error))


def _adjusted(pairs: Sequence[Difference]) -> list[Difference]:
    """Give each pair its value among all that were tested: the smallest times their number, and so on."""
    tested = sorted((pair.p, place) for place, pair in enumerate(pairs) if pair.p is not None)
    adjusted: dict[int, float] = {}
    highest = 0.0
    for rank, (p, place) in enumerate(tested):
        highest = max(highest, min(1.0, p * (len(tested) - rank)))
        adjusted[place] = highest
    return [replace(pair, p_holm=adjusted.get(place)) for place, pair in enumerate(pairs)]
