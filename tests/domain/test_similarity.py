from array import array

import pytest

from character_identity.domain.similarity import cosine


def test_equal_directions_are_wholly_alike_and_opposite_ones_wholly_unlike() -> None:
    assert cosine([0.6, 0.8], [0.6, 0.8]) == pytest.approx(1)
    assert cosine([0.6, 0.8], [-0.6, -0.8]) == pytest.approx(-1)
    assert cosine([1, 0], [0, 1]) == 0


def test_the_cosine_is_that_of_the_angle() -> None:
    assert cosine([1, 0], array("f", [0.6, 0.8])) == pytest.approx(0.6)


def test_rounding_of_the_vectors_never_leads_outside_the_range() -> None:
    slightly_long = [0.6000001, 0.8000001]
    assert cosine(slightly_long, slightly_long) == 1


def test_vectors_of_different_encoders_do_not_compare() -> None:
    with pytest.raises(ValueError, match="longer"):
        cosine([1, 0], [1, 0, 0])
