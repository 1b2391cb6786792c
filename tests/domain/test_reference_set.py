import pytest

from character_identity.domain.finding import Finding
from character_identity.domain.perceptual_hash import MAX_HAMMING_DISTANCE, PerceptualHash
from character_identity.domain.reference_set import (
    ReferenceAnalysis,
    judge_analysis,
    judge_count,
    judge_repeats,
    medoid,
    outlier,
)

LOW = 2**64 - 1
HIGH = LOW << 64
OTHER = LOW << 32

NAMES = ["a.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg"]


def a_perceptual_hash(content: str, shape: int = LOW, mirrored: int = HIGH) -> PerceptualHash:
    return PerceptualHash(content, shape, mirrored)


def located(findings: list[Finding]) -> list[tuple[str, int | None]]:
    return [(finding.code, finding.reference) for finding in findings]


def alike(count: int, *, odd: int | None = None, close: float = 0.8, far: float = 0.3) -> list[list[float]]:
    """Similarities of pictures that are all alike, but for one."""
    return [
        [1.0 if one == other else far if odd in (one, other) else close for other in range(count)]
        for one in range(count)
    ]


@pytest.mark.parametrize(
    ("different", "given", "codes"),
    [
        (5, 5, []),
        (4, 4, ["too_few_references"]),
        (4, 6, ["too_few_references"]),
        (6, 7, ["too_many_references"]),
        (2, 7, ["too_few_references", "too_many_references"]),
    ],
)
def test_only_different_images_count_towards_the_minimum(
    different: int, given: int, codes: list[str]
) -> None:
    assert [finding.code for finding in judge_count(different, given, 5, 6)] == codes


def test_the_message_says_how_many_of_those_that_came_are_different() -> None:
    (finding,) = judge_count(4, 6, 5, 6)
    assert finding.message == "The provider takes at least 5 reference images; 6 came, 4 of them different."


def test_a_copy_is_reported_at_its_second_place_and_with_its_first() -> None:
    prints = {0: a_perceptual_hash("a"), 2: a_perceptual_hash("b", OTHER, OTHER), 4: a_perceptual_hash("a")}
    findings = list(judge_repeats(prints, NAMES))
    assert located(findings) == [("duplicate_reference", 4)]
    assert findings[0].message == "The same picture as a.jpg."


@pytest.mark.parametrize(
    ("bits", "near"), [(0, True), (MAX_HAMMING_DISTANCE, True), (MAX_HAMMING_DISTANCE + 1, False)]
)
def test_nearly_the_same_differs_in_few_bits(bits: int, near: bool) -> None:
    prints = {0: a_perceptual_hash("a"), 1: a_perceptual_hash("b", shape=LOW + ((2**bits - 1) << 64))}
    assert located(list(judge_repeats(prints, NAMES))) == ([("near_duplicate", 1)] if near else [])


def test_a_mirror_image_is_nearly_the_same() -> None:
    original, mirrored = a_perceptual_hash("a", LOW, HIGH), a_perceptual_hash("b", HIGH, LOW)
    (finding,) = judge_repeats({0: original, 1: mirrored}, NAMES)
    assert (finding.code, finding.message) == ("near_duplicate", "The mirror image of a.jpg.")
    assert located(list(judge_repeats({0: original, 1: a_perceptual_hash("b", HIGH, OTHER)}, NAMES))) == []


def test_each_repeat_is_reported_once() -> None:
    prints = {number: a_perceptual_hash(str(number), shape=LOW - number) for number in range(3)}
    assert located(list(judge_repeats(prints, NAMES))) == [("near_duplicate", 1), ("near_duplicate", 2)]


@pytest.mark.parametrize("odd", range(5))
def test_one_that_is_far_from_all_others_is_odd(odd: int) -> None:
    assert outlier(alike(5, odd=odd)) == odd


@pytest.mark.parametrize(
    "similarities",
    [
        alike(5),
        alike(3, odd=1),  # of three, two may be alike by chance
        alike(5, odd=1, close=0.8, far=0.7),  # by a tenth, but not by far
        alike(5, odd=1, close=0.98, far=0.9),  # by far, but less than a tenth
        alike(5, close=0.2),  # all different
        [[1.0]],
    ],
)
def test_others_are_not_odd(similarities: list[list[float]]) -> None:
    assert outlier(similarities) is None


def test_one_that_is_near_to_a_single_other_is_not_odd() -> None:
    similarities = alike(5, odd=1)
    similarities[1][3] = similarities[3][1] = 0.8
    assert outlier(similarities) is None


def test_the_outlier_is_reported_by_its_place_in_the_request() -> None:
    analysis = ReferenceAnalysis([None] * 4, alike(4, odd=2), "tiny")
    assert located(list(judge_analysis(analysis, [0, 1, 5, 7]))) == [("outlier", 5)]


@pytest.mark.parametrize(
    ("faces", "expected"),
    [
        ([1, 1, 0], [("no_face", 2)]),
        ([0, 0, 0], []),
        ([1, 0, 0], []),  # cats, and one that looked like a man
        ([1, 0], []),
        ([None, None, 0], []),
        ([None, 1, 2], [("several_faces", 2)]),
        ([3], [("several_faces", 0)]),
        ([2, 2, 0], [("several_faces", 0), ("several_faces", 1), ("no_face", 2)]),
    ],
)
def test_faces_matter_where_most_images_have_one(
    faces: list[int | None], expected: list[tuple[str, int]]
) -> None:
    analysis = ReferenceAnalysis(faces, alike(len(faces)), "tiny")
    assert located(list(judge_analysis(analysis, range(len(faces))))) == expected


def test_the_medoid_is_the_nearest_to_all_of_them() -> None:
    assert medoid([[1, 0.8, 0.1], [0.8, 1, 0.6], [0.1, 0.6, 1]]) == 1
    assert medoid([[1.0]]) == 0
