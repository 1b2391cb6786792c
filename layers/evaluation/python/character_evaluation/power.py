"""What a comparison of so many scenarios can find, and how many it takes to find a gap."""

from math import isnan, sqrt

from character_evaluation.differences import CONSTANT

WANTED = 0.8
"""How often a gap of the size in question shall be found."""
FURTHEST = 1e6
"""A shift as large is found for certain; of 1e10 scipy 1.17.1 tells no number."""
MOST_CLUSTERS = 2_000
"""Beyond that no number is told: nobody would draw so many."""


def power(gap: float, deviation: float, clusters: int, risk: float) -> float:
    """Return how often (0 to 1) a two-sided t test at ``risk`` finds a true ``gap``, and in its direction.

    ``deviation`` is the standard deviation of the differences between clusters, in the gap's unit: the test
    statistic has the noncentral t distribution with ``clusters`` - 1 degrees of freedom.
    """
    if clusters < 2:
        return 0.0
    if deviation <= CONSTANT * abs(gap):
        return float(gap != 0)
    from scipy import special  # a quarter of a second of loading, for those who compare only

    df, shift = clusters - 1, min(abs(gap) / deviation * sqrt(clusters), FURTHEST)
    missed = float(special.nctdtr(df, shift, -special.stdtrit(df, risk / 2)))
    return 1.0 if isnan(missed) else 1 - missed  # no number is told of some that are missed once in 1e300


def smallest_gap(deviation: float, clusters: int, risk: float, wanted: float = WANTED) -> float | None:
    """Return the gap that is found ``wanted`` of the time; None of fewer than two clusters."""
    if clusters < 2:
        return None
    if deviation == 0:
        return 0.0
    from scipy import optimize

    widest = deviation * 200  # more than enough at two clusters, and the test is surer with each further one
    found = optimize.brentq(lambda gap: power(gap, deviation, clusters, risk) - wanted, 0.0, widest)
    return float(found)


def clusters_needed(
    gap: float, deviation: float, risk: float, fewest: int, wanted: float = WANTED
) -> int | None:
    """Return how many clusters find a gap ``wanted`` of the time, at least ``fewest``.

    None: more than ``MOST_CLUSTERS``.
    """
    if power(gap, deviation, MOST_CLUSTERS, risk) < wanted:
        return None
    low, high = fewest, MOST_CLUSTERS
    while low < high:
        middle = (low + high) // 2
        if power(gap, deviation, middle, risk) >= wanted:
            high = middle
        else:
            low = middle + 1
    return low
