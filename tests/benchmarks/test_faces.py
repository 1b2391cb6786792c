from pathlib import Path

import pytest

from benchmarks.faces import Seen, auc, lower_bound, pairs

ONE, OTHER = Path("1.jpg"), Path("2.jpg")


def test_alterations_of_one_photograph_are_no_pair() -> None:
    seen = [
        Seen("a", ONE, [1, 0]),
        Seen("a", ONE, [1, 0]),
        Seen("a", OTHER, [0.6, 0.8]),
        Seen("b", OTHER, [0, 1]),
    ]
    genuine, impostor = pairs(seen)
    assert genuine == [0.6, 0.6]
    assert impostor == pytest.approx([0, 0, 0.8])


def test_the_area_is_the_share_of_pairs_in_the_right_order() -> None:
    assert auc([0.9, 0.8], [0.1, 0.2]) == 1
    assert auc([0.9, 0.1], [0.5]) == 0.5
    assert auc([0.5], [0.5]) == 0.5


def test_the_bound_is_that_of_so_many_pairs_of_people_without_an_error() -> None:
    assert lower_bound(1) == pytest.approx(0.05)
    assert lower_bound(59) == pytest.approx(0.95, abs=0.001)
