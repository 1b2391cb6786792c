"""What so many scenarios can find."""

import numpy as np
import pytest

from character_evaluation.power import MOST_CLUSTERS, clusters_needed, power, smallest_gap


@pytest.mark.parametrize(
    ("gap", "clusters", "expected"),
    # G*Power's example of a paired t test: d = 0.5, n = 10 and 50, two-sided at 0.05, is about 0.29 and 0.93.
    [(0.5, 10, 0.293), (0.5, 50, 0.934)],
)
def test_power_is_that_of_the_noncentral_t(gap: float, clusters: int, expected: float) -> None:
    assert power(gap, 1.0, clusters, 0.05) == pytest.approx(expected, abs=0.005)


def test_power_is_how_often_a_gap_is_found() -> None:
    from scipy import stats

    drawn = np.random.default_rng(1).normal(0.03, 0.04, (4_000, 12))
    found = stats.ttest_1samp(drawn, 0.0, axis=1)
    often = np.mean((found.pvalue < 0.05) & (found.statistic > 0))
    assert power(0.03, 0.04, 12, 0.05) == pytest.approx(often, abs=0.025)


def test_one_scenario_finds_nothing_and_what_does_not_vary_is_found_at_once() -> None:
    assert power(0.5, 0.1, 1, 0.05) == 0.0
    assert smallest_gap(0.1, 1, 0.05) is None
    assert (power(0.001, 0.0, 5, 0.05), power(0.0, 0.0, 5, 0.05)) == (1.0, 0.0)
    assert smallest_gap(0.0, 5, 0.05) == 0.0


@pytest.mark.parametrize("deviation", [0.0, 1e-17, 3e-12, 1e-9, 1e-6])
def test_what_hardly_varies_is_found_by_the_fewest_scenarios(deviation: float) -> None:
    assert clusters_needed(0.03, deviation, 0.01, fewest=5) == 5


def test_what_is_never_missed_is_found_for_certain() -> None:
    """Of some such shifts, which begin at 36, scipy 1.17.1 says nothing."""
    shifts = np.arange(30, 70, 0.25)
    for clusters in (8, 15, 28, 200, 1125):
        found = [power(shift, clusters**0.5, clusters, 0.04 / 3) for shift in shifts]
        assert found == sorted(found) and found[-1] == 1.0


@pytest.mark.parametrize("clusters", [2, 5, 7, 15, 19, 25, 56, 200])
def test_the_smallest_gap_is_found_as_often_as_wanted(clusters: int) -> None:
    gap = smallest_gap(0.05, clusters, 0.04)
    assert gap is not None
    assert power(gap, 0.05, clusters, 0.04) == pytest.approx(0.8, abs=1e-6)


def test_so_many_scenarios_are_needed_and_not_one_less() -> None:
    needed = clusters_needed(0.03, 0.05, 0.04, fewest=5)
    assert needed is not None
    assert power(0.03, 0.05, needed, 0.04) >= 0.8 > power(0.03, 0.05, needed - 1, 0.04)
    assert clusters_needed(0.5, 0.05, 0.04, fewest=5) == 5
    assert clusters_needed(0.0001, 0.05, 0.04, fewest=5) is None, f"{MOST_CLUSTERS} would not do"
