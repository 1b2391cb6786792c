from math import cos, radians, sin

import pytest

from character_identity.domain.face import WHY, Box, Face, NoFace, ReferenceFace, reference_faces
from character_identity.domain.score import EmbeddedReference, FaceIdentity, NotScored, Score, calibrate
from character_identity.domain.view import EncoderVersion
from tests.support.builders import a_score
from tests.support.scoring_fakes import a_view

CLIP = EncoderVersion("clip-vit-b32", "a6308213", "bicubic-224-crop-224-v1")


def test_a_score_has_the_mean_and_the_best_of_its_references() -> None:
    score = a_score(CLIP, "0f1e", {"references/i/1.jpg": 0.9, "references/i/0.jpg": 0.6})

    assert (score.mean, score.best) == (0.75, 0.9)
    assert score.per_reference == (("references/i/0.jpg", 0.6), ("references/i/1.jpg", 0.9))
    assert (score.encoder, score.weights_sha256, score.preprocessing) == CLIP
    assert score.image_sha256 == "0f1e"


def test_digits_that_differ_between_processors_are_dropped() -> None:
    one = a_score(CLIP, "0f1e", {"references/i/0.jpg": 0.81234561})
    other = a_score(CLIP, "0f1e", {"references/i/0.jpg": 0.81234563})

    assert one == other


@pytest.mark.parametrize(("encoder", "is_clip"), [("clip-vit-b32", True), ("efficientnet-lite0", False)])
def test_only_clip_is_called_clip(encoder: str, is_clip: bool) -> None:
    score = a_score(EncoderVersion(encoder, "57934424", "v1"), "0f1e", {"references/i/0.jpg": 0.5})

    assert score.is_clip is is_clip


def at(degrees: float) -> list[float]:
    return [cos(radians(degrees)), sin(radians(degrees))]


def test_a_calibrated_score_lies_between_decoys_and_the_references_among_themselves() -> None:
    references = [at(0), at(10), at(20)]
    ceiling = (2 * cos(radians(10)) + cos(radians(20))) / 3
    floor = sum(cos(radians(90 - degrees)) for degrees in (0, 10, 20)) / 3

    found = calibrate((ceiling + floor) / 2, references, at(90))

    assert found == pytest.approx((floor, ceiling, 0.5), abs=1e-6)
    assert calibrate(floor, references, at(90)) == pytest.approx((floor, ceiling, 0), abs=1e-6)
    assert calibrate(ceiling, references, at(90)) == pytest.approx((floor, ceiling, 1), abs=1e-6)


def test_without_decoys_or_three_references_or_a_range_nothing_is_calibrated() -> None:
    references = [at(0), at(10), at(20)]
    assert calibrate(0.5, references, None) is None
    assert calibrate(0.5, references[:2], at(90)) is None
    assert calibrate(0.5, references, at(10)) is None, "strangers are as like as the references are"


def test_a_comparison_has_the_mean_the_best_and_the_centroid() -> None:
    references = [EmbeddedReference(str(degrees), "0f1e", a_view(at(degrees))) for degrees in (0, 20)]
    score = Score.comparing(CLIP, "0f1e", a_view(at(30), b"another"), references, None)
    assert score.mean == pytest.approx((cos(radians(30)) + cos(radians(10))) / 2, abs=1e-6)
    assert score.best == pytest.approx(cos(radians(10)), abs=1e-6)
    assert score.centroid == pytest.approx(cos(radians(20)), abs=1e-6)
    assert (score.calibration, score.near_copy) == (None, None)


def test_opposite_references_have_no_centroid() -> None:
    references = [
        EmbeddedReference(str(number), "0f1e", a_view(each)) for number, each in enumerate(([1.0], [-1.0]))
    ]
    assert Score.comparing(CLIP, "0f1e", a_view([1.0], b"another"), references, None).centroid is None


def test_a_score_of_an_earlier_release_is_read() -> None:
    stored = a_score(CLIP, "0f1e", {"r": 0.5}).model_dump(mode="json")
    for name in ("centroid", "calibration", "near_copy", "face_identity"):
        del stored[name]
    assert Score.model_validate(stored) == a_score(CLIP, "0f1e", {"r": 0.5})


FACES = EncoderVersion("face-dlib-resnet-v1", "55533b28", "v1")
BOX = Box(0.25, 0.25, 0.5, 0.5)


def seen_at(*degrees: float | NoFace) -> dict[str, ReferenceFace]:
    """References whose faces are at these angles, or missing for these reasons."""
    return {str(number): each if isinstance(each, str) else at(each) for number, each in enumerate(degrees)}


def test_a_face_is_compared_with_the_faces_of_the_references() -> None:
    found = FaceIdentity.comparing(FACES, [Face(at(30), BOX)], seen_at(0, "no_face", 20, 10), at(90))
    assert found.version == FACES
    assert found.likeness is not None
    assert [key for key, _ in found.likeness.per_reference] == ["0", "2", "3"]
    assert found.likeness.best == pytest.approx(cos(radians(10)), abs=1e-6)
    assert found.likeness.calibration is not None
    assert (found.box, found.other_faces, found.not_scored) == (BOX, 0, None)


def test_two_faces_of_references_calibrate_nothing() -> None:
    found = FaceIdentity.comparing(FACES, [Face(at(30), BOX)], seen_at(0, 10, "no_face"), at(90))
    assert found.likeness is not None
    assert found.likeness.calibration is None


def test_of_several_faces_the_one_most_like_the_references_counts() -> None:
    elsewhere = BOX._replace(left=0.0)
    faces = [Face(at(80), BOX), Face(at(5), elsewhere), Face(at(40), BOX)]
    found = FaceIdentity.comparing(FACES, faces, seen_at(0), None)
    assert found.likeness is not None
    assert found.likeness.mean == pytest.approx(cos(radians(5)), abs=1e-6)
    assert found.box == elsewhere
    assert found.other_faces == 2


@pytest.mark.parametrize(
    ("faces", "references", "code"),
    [
        ("profile", seen_at(0, 10), "profile"),
        ("no_face", seen_at("no_face", "no_face"), "no_reference_face"),
        ([Face(at(0), BOX)], seen_at("no_face"), "no_reference_face"),
        ([Face(at(0), BOX)], seen_at("not_a_person", "not_a_person"), "not_a_person"),
    ],
)
def test_what_is_not_compared_has_a_reason_and_no_number(
    faces: list[Face] | NoFace, references: dict[str, ReferenceFace], code: NoFace
) -> None:
    found = FaceIdentity.comparing(FACES, faces, references, None)
    assert (found.likeness, found.no_face) == (None, code)
    assert found.not_scored == NotScored(encoder=FACES.encoder, code=code, reason=WHY[code])


@pytest.mark.parametrize(
    ("class_name", "faces", "expected"),
    [
        ("person", [[], []], ["no_face", "no_face"]),
        ("Old Man", [[]], ["no_face"]),
        ("cat", [[], []], ["not_a_person", "not_a_person"]),
        ("wizard", [[Face(at(0), BOX), Face(at(9), BOX)], []], [at(0), "no_face"]),
    ],
)
def test_the_faces_of_references_say_whether_it_is_a_person(
    class_name: str, faces: list[list[Face]], expected: list[ReferenceFace]
) -> None:
    assert reference_faces(faces, class_name) == expected
