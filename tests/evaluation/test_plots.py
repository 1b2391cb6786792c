"""Scales: round numbers around all values, and every value at its place."""

import pytest

from character_evaluation.plots import Scale


@pytest.mark.parametrize(
    ("values", "ticks"),
    [
        ([0.0, 1.0], [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]),
        ([0.61, 0.87], [0.6, 0.7, 0.8, 0.9]),
        ([0.0, 43.2], [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]),
        ([-0.03, 0.02], [-0.03, -0.02, -0.01, 0.0, 0.01, 0.02]),
        ([0.8], [0.8, 1.0]),
        ([0.0], [0.0, 0.2]),
        ([0.0, 5e-324], [0.0, 1e-10]),
        ([0.8, 0.8000000000000002], [0.8, 0.8000000001]),
    ],
)
def test_ticks_are_round_and_hold_all_values(values: list[float], ticks: list[float]) -> None:
    scale = Scale(values, 100)
    assert scale.ticks == pytest.approx(ticks)
    assert (scale(scale.ticks[0]), scale(scale.ticks[-1])) == (0.0, 100.0)
    assert all(0 <= scale(value) <= 100 for value in values)


def test_places_are_in_proportion() -> None:
    scale = Scale([0.0, 10.0], 200)
    assert [scale(value) for value in (0, 2.5, 5, 10)] == [0.0, 50.0, 100.0, 200.0]
