import numpy as np
import pytest

from benchmarks.subjects import Seen, auc, interval, lower_bound, pairs

ALTERED, GENUINE, IMPOSTOR = pairs(
    [Seen("a", 0, [1, 0]), Seen("a", 0, [1, 0]), Seen("a", 1, [0.6, 0.8]), Seen("b", 2, [0, 1])]
)


def test_alterations_of_one_photograph_are_no_pair_of_two() -> None:
    assert (ALTERED.cosines, GENUINE.cosines) == ([1], [0.6, 0.6])
    assert IMPOSTOR.cosines == pytest.approx([0, 0, 0.8])


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    assert auc(ALTERED, IMPOSTOR, np.ones(3)) == 1
    assert auc(GENUINE, IMPOSTOR, np.ones(3)) == pytest.approx(2 / 3)
    assert auc(GENUINE, IMPOSTOR._replace(cosines=[0.6, 0.6, 0.6]), np.ones(3)) == 0.5


def test_a_photograph_counts_as_often_as_it_is_drawn() -> None:
    assert auc(GENUINE, IMPOSTOR, np.array([2.0, 1.0, 1.0])) == pytest.approx(4 / 5)
    assert np.isnan(auc(GENUINE, IMPOSTOR, np.array([3.0, 0.0, 0.0])))


def test_the_area_lies_within_its_interval() -> None:
    low, high = interval(GENUINE, IMPOSTOR, 3)
    assert 0 <= low <= 2 / 3 <= high <= 1


def test_the_bound_is_that_of_so_many_pairs_of_subjects_without_an_error() -> None:
    assert lower_bound(1) == pytest.approx(0.05)
    assert lower_bound(59) == pytest.approx(0.95, abs=0.001)
