"""Differences between providers: paired by scenario, with an interval, and decided or not."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from benchmarks.intervals import by_bootstrap, by_pictures, by_student, coverage
from character_evaluation.differences import (
    AMOUNTS,
    FEWEST_CLUSTERS,
    SIMILARITIES,
    Difference,
    differences,
    mean_interval,
)

APART = (0.01, 0.05, 0.02, 0.04, 0.03)
RISK = 0.05


def of(*pairs: tuple[float, float]) -> Difference:
    """The difference of two providers that have one picture in each scenario."""
    measure = {
        "one": {str(number): [one] for number, (one, _) in enumerate(pairs)},
        "other": {str(number): [other] for number, (_, other) in enumerate(pairs)},
    }
    [found] = differences(measure)
    return found


def test_the_test_is_students_on_the_differences_of_the_scenarios() -> None:
    """By hand: mean 0.03, deviation 0.0158, so t is 4.243 at 4 degrees of freedom, and its 97.5 % 2.776."""
    found = of(*((0.5 + apart, 0.5) for apart in APART))
    assert found.mean == pytest.approx(0.03)
    assert found.deviation == pytest.approx(math.sqrt(0.001 / 4))
    error = math.sqrt(0.001 / 4) / math.sqrt(5)
    assert found.interval == pytest.approx((0.03 - 2.7764 * error, 0.03 + 2.7764 * error), abs=1e-6)
    assert found.p == pytest.approx(0.01324, abs=1e-5)
    assert found.ahead(RISK) == "one"
    assert of(*((0.5, 0.5 + apart) for apart in APART)).ahead(RISK) == "other"


@pytest.mark.parametrize(
    ("means", "possible", "expected"),
    [
        ((0.99, 0.999, 0.8), SIMILARITIES, (0.6505, 1.0)),
        ((0.001, 0.2), AMOUNTS, (0.0, 1.3648)),
        ((1.001, 1.001), SIMILARITIES, (1.0, 1.0)),
        ((1.0,), SIMILARITIES, None),
    ],
)
def test_an_interval_ends_where_what_is_measured_does(
    means: Sequence[float], possible: tuple[float, float], expected: tuple[float, float] | None
) -> None:
    assert mean_interval(means, possible) == (expected and pytest.approx(expected, abs=1e-4))


def test_what_a_scenario_does_to_everybody_is_nobodys_lead() -> None:
    hard = (0.0, -0.4, -0.1, -0.3, -0.2)
    found = of(
        *((0.9 + scenario + apart, 0.9 + scenario) for scenario, apart in zip(hard, APART, strict=True))
    )
    assert found.p == pytest.approx(0.01324, abs=1e-5)


def test_more_pictures_of_a_scenario_are_no_more_scenarios() -> None:
    once = {
        "one": {str(n): [0.5 + apart] for n, apart in enumerate(APART)},
        "other": {str(n): [0.5] for n in range(5)},
    }
    often = {provider: {n: values * 20 for n, values in of_it.items()} for provider, of_it in once.items()}
    assert differences(often)[0].p == pytest.approx(differences(once)[0].p)


@pytest.mark.parametrize("scenarios", [0, 1, 2, FEWEST_CLUSTERS - 1])
def test_few_scenarios_decide_nothing_however_far_apart(scenarios: int) -> None:
    found = of(*((0.9 + number / 1000, 0.1) for number in range(scenarios)))
    assert found.clusters == scenarios
    assert (found.interval is None) is (scenarios < 2)
    assert found.ahead(RISK) is None


def test_who_left_out_what_is_hard_does_not_lead() -> None:
    measure = {
        "one": {str(n): [0.9 + n / 1000] for n in range(6)} | {"hard": []},
        "other": {str(n): [0.5] for n in range(6)} | {"hard": [0.1]},
    }
    [found] = differences(measure)
    assert (found.clusters, found.missed_by_one, found.missed_by_other) == (6, 1, 0)
    assert found.p is not None and found.p < 0.001
    assert found.ahead(RISK) is None
    measure["one"]["hard"], measure["other"]["hard"] = [0.9], []
    assert differences(measure)[0].ahead(RISK) == "one", "who gave more may lead"


def test_what_does_not_vary_is_as_far_apart_as_it_is() -> None:
    """A price list: the same in every scenario, but for rounding."""
    found = of(*((0.1 + number * 1e-16, 0.04) for number in range(5)))
    assert found.interval == pytest.approx((0.06, 0.06))
    assert (found.p, found.ahead(RISK)) == (0.0, "one")
    same = of(*((0.1, 0.1) for _ in range(5)))
    assert (same.p, same.ahead(RISK)) == (1.0, None)


def test_of_several_pairs_each_is_judged_among_all() -> None:
    """Holm: the smallest times three, the next times two, and never less than a smaller one's."""
    rng = np.random.default_rng(3)
    measure = {
        name: {str(n): [lead + rng.normal(0, 0.02)] for n in range(8)}
        for name, lead in (("a", 0.60), ("b", 0.62), ("c", 0.66))
    }
    found = differences(measure)
    first, second, third = sorted(found, key=lambda pair: pair.p or 0)
    assert first.p and second.p and third.p and second.p_holm
    assert first.p_holm == pytest.approx(first.p * 3)
    assert second.p_holm == pytest.approx(max(first.p * 3, second.p * 2))
    assert third.p_holm == pytest.approx(max(second.p_holm, third.p))


@pytest.mark.parametrize("distribution", ["normal", "heavy-tailed", "skewed"])
def test_of_a_hundred_intervals_of_five_scenarios_about_five_do_not_hold(distribution: str) -> None:
    """Within three standard errors of 500 runs; benchmarks/intervals.py has all of it, in 2,000."""
    assert 0.92 <= coverage(by_student, distribution, clusters=5, runs=500) <= 0.98


@pytest.mark.parametrize("interval", [by_bootstrap, by_pictures])
def test_that_would_be_seen_of_the_intervals_that_people_take_instead(
    interval: Callable[[Any, np.random.Generator], tuple[float, float]],
) -> None:
    assert coverage(interval, "normal", clusters=5, runs=500) < 0.92
