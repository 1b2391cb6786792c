from hashlib import sha256
from math import cos, radians
from threading import Barrier

import pytest

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.face import Face
from character_identity.domain.generation import MAX_STORED_BYTES
from character_identity.domain.identity import Identity
from character_identity.domain.near_copy import MEASURE
from character_identity.domain.score import NotScored, Score
from character_identity.domain.view import EncoderVersion
from character_identity.services.embedded_references import EmbeddedReferences
from character_identity.services.encoders import Encoders
from character_identity.services.evaluations.scoring import SharedScoring
from character_identity.services.scoring import ScoringService
from character_identity.services.webhooks.events import EventService
from tests.support.builders import NOON, an_identity
from tests.support.evaluation_fakes import FakeEvaluations
from tests.support.event_fakes import FakeBus, FakeDeliveries, FakeEndpoints
from tests.support.fakes import FakeBucket, FakeIdentities
from tests.support.scoring_fakes import FakeEmbedder, FakeFaces, FakeScores, a_face
from tests.support.waiting import HANGS_AFTER_S

VERSION = EncoderVersion("tiny", "57934424", "v1")
IMAGE, OTHER = "generations/eileen/portrait/03.jpg", "generations/eileen/portrait/04.jpg"
REFERENCES = {"references/eileen/00.jpg": b"1.0 0.0", "references/eileen/01.jpg": b"0.0 1.0"}


class Harness:
    """A bucket with one generated picture, its identity's references and another identity's."""

    def __init__(self) -> None:
        others = {IMAGE: b"0.6 0.8", "references/eileen2/00.jpg": b"-1.0 0.0"}
        self.identities = FakeIdentities(_drawn("eileen"))
        self.bucket = FakeBucket(**REFERENCES, **others)
        self.scores = FakeScores()
        self.embedder = FakeEmbedder(VERSION)
        self.faces: FakeFaces | None = None
        self.bus = FakeBus()

    @property
    def scoring(self) -> ScoringService:
        encoders, evaluations = Encoders(self.embedder, self.faces), FakeEvaluations()
        return ScoringService(
            identities=self.identities,
            bucket=self.bucket,
            scores=self.scores,
            encoders=encoders,
            shared=SharedScoring(
                evaluations=evaluations,
                scores=evaluations,
                references=EmbeddedReferences(self.bucket, self.scores, encoders),
                encoders=encoders,
                tell=lambda job_id: None,
            ),
            events=EventService(
                events=self.scores.events,
                endpoints=FakeEndpoints(),
                deliveries=FakeDeliveries(),
                bus=self.bus,
                now=lambda: NOON,
            ),
            now=lambda: NOON,
        )

    def score(self, key: str) -> Score | None:
        """The score; None, and nothing is recorded, where the identity is gone."""
        outcome = self.outcome(key)
        assert not isinstance(outcome, NotScored)
        return outcome

    def outcome(self, key: str) -> Score | NotScored | None:
        scoring = self.scoring
        [image] = scoring.embed([key])
        return scoring.score(image)

    def why_not(self, key: str) -> str:
        """The code of the reason why there is no score, which is recorded."""
        outcome = self.outcome(key)
        assert isinstance(outcome, NotScored)
        assert self.scores.scores_of("portrait") == {3: [outcome]}
        return outcome.code


def _drawn(identity_id: str, count: int = 2) -> Identity:
    references = [f"references/{identity_id}/{number:02d}.jpg" for number in range(count)]
    return an_identity(identity_id=identity_id, references=references)


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_an_image_is_compared_with_every_reference_of_its_identity_and_no_other(harness: Harness) -> None:
    score = harness.score(IMAGE)

    assert score is not None
    assert score.per_reference == (("references/eileen/00.jpg", 0.6), ("references/eileen/01.jpg", 0.8))
    assert (score.mean, score.best) == (0.7, 0.8)
    assert (score.encoder, score.weights_sha256, score.preprocessing) == VERSION
    assert score.image_sha256 == sha256(b"0.6 0.8").hexdigest()
    assert harness.scores.scores_of("portrait") == {3: [score]}


@pytest.mark.parametrize(
    "name", ["", ".DS_Store", "Thumbs.db", "0099.jpg", "more/", "more/00.jpg", "00.jpg.bak"]
)
def test_what_lies_beside_the_references_stops_no_score(harness: Harness, name: str) -> None:
    """Consoles make an empty object for a folder, and people put files there."""
    alone = harness.score(IMAGE)
    harness.scores.scores.clear()
    harness.bucket.objects[f"references/eileen/{name}"] = b"" if not name or name.endswith("/") else b"<html>"
    assert harness.score(IMAGE) == alone


def test_the_largest_image_that_is_stored_is_scored(harness: Harness) -> None:
    harness.bucket.objects[IMAGE] = b"0.6 0.8".ljust(MAX_STORED_BYTES)
    assert harness.score(IMAGE) is not None


def test_a_second_event_for_an_image_changes_nothing_and_computes_nothing(harness: Harness) -> None:
    first = harness.score(IMAGE)
    stored = (dict(harness.scores.scores), dict(harness.scores.embedded))
    harness.embedder.embedded.clear()

    assert harness.score(IMAGE) == first
    assert (harness.scores.scores, harness.scores.embedded) == stored
    assert harness.embedder.embedded == []


def test_references_are_read_and_embedded_once_for_all_images(harness: Harness) -> None:
    harness.score(IMAGE)
    for key in REFERENCES:
        del harness.bucket.objects[key]
    harness.bucket.objects[OTHER] = b"0.8 0.6"
    harness.embedder.embedded.clear()

    score = harness.score(OTHER)

    assert score is not None
    assert [similarity for _, similarity in score.per_reference] == [0.8, 0.6]
    assert harness.embedder.embedded == [b"0.8 0.6"]


def test_pictures_are_embedded_together_and_their_references_once(harness: Harness) -> None:
    harness.bucket.objects[OTHER] = b"0.8 0.6"
    scoring = harness.scoring

    images = scoring.embed([IMAGE, OTHER])

    assert harness.embedder.calls == [[b"1.0 0.0", b"0.0 1.0"], [b"0.6 0.8", b"0.8 0.6"]]
    assert [score.best for score in map(scoring.score, images) if isinstance(score, Score)] == [0.8, 0.8]
    kept = harness.scores.references("eileen", VERSION)
    assert kept is not None
    assert kept.owner == harness.identities.stored["eileen"].owner
    assert [(each.key, each.sha256, each.view.embedding) for each in kept.embedded] == [
        ("references/eileen/00.jpg", sha256(b"1.0 0.0").hexdigest(), [1, 0]),
        ("references/eileen/01.jpg", sha256(b"0.0 1.0").hexdigest(), [0, 1]),
    ]


def test_what_fails_leaves_the_pictures_beside_it_be(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.bucket.objects[OTHER] = b"<html>"
    read = harness.bucket.read_with_origin

    def throttled(key: str, limit_bytes: int) -> tuple[bytes, dict[str, str]]:
        if key == "generations/eileen/portrait/05.jpg":
            raise ConnectionError("the bucket is throttled")
        return read(key, limit_bytes)

    monkeypatch.setattr(harness.bucket, "read_with_origin", throttled)
    scoring = harness.scoring
    gone, slow = "generations/anna/portrait/01.jpg", "generations/eileen/portrait/05.jpg"
    erased, throttled_one, unreadable, foreign, scored = scoring.embed([gone, slow, OTHER, "a.jpg", IMAGE])

    assert scoring.score(erased) is None
    with pytest.raises(ConnectionError):
        scoring.score(throttled_one)
    with pytest.raises(InvalidRequest) as refused:
        scoring.score(foreign)
    assert refused.value.code == "not_a_generated_image"
    assert isinstance(scoring.score(unreadable), NotScored)
    assert isinstance(scoring.score(scored), Score)
    assert harness.scores.scores_of("portrait").keys() == {3, 4}


def test_pictures_and_references_are_read_side_by_side(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No read ends before another has begun, and the images come in the order of their keys."""
    harness.bucket.objects[OTHER] = b"0.8 0.6"
    together = Barrier(2, timeout=HANGS_AFTER_S)
    read = harness.bucket.read

    def slow(key: str, limit_bytes: int) -> bytes:
        together.wait()
        return read(key, limit_bytes)

    monkeypatch.setattr(harness.bucket, "read", slow)
    images = harness.scoring.embed([IMAGE, OTHER])
    assert [(image.key, image.view and image.view.embedding) for image in images] == [
        (IMAGE, [0.6, 0.8]),
        (OTHER, [0.8, 0.6]),
    ]


def test_a_reference_that_was_written_over_is_not_compared_with(harness: Harness) -> None:
    """Which is known of identities since 0.2.0; of others what lies there is what there is."""
    [first, second] = [sha256(content).hexdigest() for content in REFERENCES.values()]
    for sha256s in ([], [first, second]):
        harness.scores = FakeScores()
        identity = _drawn("eileen").model_copy(update={"reference_sha256s": sha256s})
        harness.identities.stored["eileen"] = identity
        assert harness.score(IMAGE) is not None
    harness.scores = FakeScores()
    harness.bucket.objects["references/eileen/01.jpg"] = b"1.0 0.0"
    assert harness.why_not(IMAGE) == "reference_changed"


@pytest.mark.parametrize("name", ["a+b", "a%2Fb", "a%20b", "Zoë", "日本"])
def test_a_key_is_taken_as_it_is(harness: Harness, name: str) -> None:
    key = f"generations/{name}/portrait/03.jpg"
    harness.bucket.objects[key] = b"0.6 0.8"
    harness.identities.stored[name] = _drawn("eileen").model_copy(update={"identity_id": name})
    assert harness.score(key) is not None


def test_another_version_of_the_encoder_uses_no_earlier_embedding(harness: Harness) -> None:
    harness.score(IMAGE)
    harness.embedder = FakeEmbedder(VERSION._replace(preprocessing="v2"))

    harness.score(IMAGE)

    assert sorted(harness.embedder.embedded) == [b"0.0 1.0", b"0.6 0.8", b"1.0 0.0"]


def test_scores_of_two_versions_of_an_encoder_live_side_by_side(harness: Harness) -> None:
    """Each with embeddings of its own; the one that is at work comes first, whichever it is."""
    later = FakeEmbedder(VERSION._replace(weights_sha256="0f1e"))
    first = harness.score(IMAGE)
    harness.embedder = later
    second = harness.score(IMAGE)
    assert harness.score(IMAGE) == second

    assert harness.scores.scores_of("portrait") == {3: [second, first]}
    assert harness.scores.references("eileen", VERSION) is not None
    assert harness.scores.references("eileen", later.version) is not None
    assert len(harness.bus.published) == 1, "it was told that there is a score"
    harness.embedder = FakeEmbedder(VERSION)
    assert harness.score(IMAGE) == first
    assert harness.scores.scores_of("portrait") == {3: [first, second]}


def test_an_earlier_version_says_nothing_of_a_picture_that_was_replaced(harness: Harness) -> None:
    harness.score(IMAGE)
    harness.embedder = FakeEmbedder(VERSION._replace(preprocessing="v2"))
    harness.bucket.objects[IMAGE] = b"1.0 0.0"
    score = harness.score(IMAGE)
    assert harness.scores.scores_of("portrait") == {3: [score]}


def test_a_replaced_image_gets_a_new_score_in_place_of_the_old_one(harness: Harness) -> None:
    harness.score(IMAGE)
    harness.bucket.objects[IMAGE] = b"1.0 0.0"

    replaced = harness.score(IMAGE)

    assert replaced is not None
    assert replaced.best == 1
    assert harness.scores.scores_of("portrait") == {3: [replaced]}


def test_nothing_is_recorded_of_an_erased_identity(harness: Harness) -> None:
    harness.identities.stored.clear()

    assert harness.score(IMAGE) is None
    assert (harness.scores.scores_of("portrait"), harness.scores.embedded) == ({}, {})


def test_nothing_is_recorded_of_an_identity_that_was_erased_meanwhile(harness: Harness) -> None:
    """Its pictures could still be read when the scoring began."""
    harness.scores.erased.add("eileen")

    assert harness.score(IMAGE) is None
    assert (harness.scores.scores_of("portrait"), harness.scores.embedded) == ({}, {})


def test_of_an_image_that_was_deleted_it_says_so(harness: Harness) -> None:
    del harness.bucket.objects[IMAGE]
    assert harness.why_not(IMAGE) == "image_deleted"


@pytest.mark.parametrize("deleted", [IMAGE, "references/eileen/01.jpg"])
def test_what_was_deleted_after_its_score_keeps_it(harness: Harness, deleted: str) -> None:
    """An event that comes again, days later from the dead-letter queue, takes nothing away."""
    score = harness.score(IMAGE)
    del harness.bucket.objects[deleted]
    harness.scores.embedded.clear()
    assert harness.score(IMAGE) == score
    assert harness.scores.scores_of("portrait") == {3: [score]}


def test_what_was_replaced_after_its_score_by_what_cannot_be_read_loses_it(harness: Harness) -> None:
    harness.score(IMAGE)
    harness.bucket.objects[IMAGE] = b"1".ljust(MAX_STORED_BYTES + 1)
    assert harness.why_not(IMAGE) == "file_too_large"


def test_what_cannot_be_compared_says_why_until_it_can(harness: Harness) -> None:
    whole = harness.bucket.objects[IMAGE]
    harness.bucket.objects[IMAGE] = b"<html>"
    assert harness.why_not(IMAGE) == "unreadable_image"
    harness.bucket.objects[IMAGE] = whole

    score = harness.score(IMAGE)

    assert score is not None
    assert harness.scores.scores_of("portrait") == {3: [score]}


@pytest.mark.parametrize(
    ("content", "code"), [(None, "reference_deleted"), (b"<html>", "reference_unreadable")]
)
def test_where_a_reference_is_lost_nothing_is_compared_with_the_others(
    harness: Harness, content: bytes | None, code: str
) -> None:
    """A mean over fewer references is another number, and nobody would see that it is."""
    del harness.bucket.objects["references/eileen/01.jpg"]
    if content is not None:
        harness.bucket.objects["references/eileen/01.jpg"] = content
    identity = harness.identities.stored["eileen"]
    harness.identities.stored["eileen"] = identity.model_copy(update={"reference_sha256s": []})
    assert harness.why_not(IMAGE) == code
    assert harness.scores.embedded == {}
    assert [(event.type, event.owner) for event in harness.bus.published] == [("ImageNotScored", "ann")]


def test_a_picture_that_is_a_reference_again_raises_the_alarm(harness: Harness) -> None:
    score = harness.score(IMAGE)
    assert score is not None
    assert score.near_copy is None
    harness.bucket.objects[OTHER] = REFERENCES["references/eileen/01.jpg"]

    copied = harness.score(OTHER)

    assert copied is not None
    assert copied.near_copy == ("references/eileen/01.jpg", 0, 1, False, MEASURE)


def test_decoys_and_three_references_calibrate_a_score(harness: Harness) -> None:
    references = {f"references/eileen/{n}.jpg": b"1.0 0.0" if n < 2 else b"0.6 0.8" for n in range(3)}
    harness.bucket.objects |= references
    harness.identities.stored["eileen"] = an_identity(identity_id="eileen", references=list(references))
    harness.embedder.decoy = [0.0, 0.5]

    score = harness.score(IMAGE)

    assert score is not None
    assert score.calibration is not None
    assert score.calibration.floor == pytest.approx(0.4 / 3, abs=1e-6)
    assert score.calibration.ceiling == pytest.approx((1 + 0.6 + 0.6) / 3, abs=1e-6)


def test_a_score_is_told_once_however_often_it_is_made(harness: Harness) -> None:
    """Once for each encoder; not when the picture's event is repeated, nor when the picture is replaced."""
    harness.score(IMAGE)
    harness.score(IMAGE)
    harness.bucket.objects[IMAGE] = b"1.0 0.0"
    harness.score(IMAGE)
    harness.embedder = FakeEmbedder(VERSION._replace(encoder="other"))
    harness.score(IMAGE)

    first, other = harness.bus.published
    assert (first.type, first.owner, first.occurred_at) == ("ImageScored", "ann", NOON)
    assert first.data == {
        "generationId": "portrait",
        "characterId": "eileen",
        "imageNumber": 3,
        "encoder": "tiny",
        "mean": 0.7,
        "clipSimilarity": None,
        "faceSimilarity": None,
    }
    assert other.data["encoder"] == "other"
    assert harness.scores.events.open == set()


def test_that_there_is_no_score_is_told_too_and_a_later_score_after_it(harness: Harness) -> None:
    whole = harness.bucket.objects[IMAGE]
    harness.bucket.objects[IMAGE] = b"<html>"
    harness.outcome(IMAGE)
    harness.outcome(IMAGE)
    harness.bucket.objects[IMAGE] = whole
    harness.outcome(IMAGE)

    assert [event.type for event in harness.bus.published] == ["ImageNotScored", "ImageScored"]
    code = {"code": "unreadable_image", "message": "not a picture"}
    assert harness.bus.published[0].data["error"] == code


def test_a_score_whose_event_the_bus_refuses_stands_and_is_told_by_the_sweep(harness: Harness) -> None:
    harness.bus.accepts = False
    assert harness.score(IMAGE) is not None
    assert harness.scores.events.open == harness.scores.events.stored.keys() != set()


def test_nothing_is_told_of_an_erased_identity(harness: Harness) -> None:
    harness.scores.erased.add("eileen")
    harness.score(IMAGE)
    assert (harness.scores.events.stored, harness.bus.published) == ({}, [])


@pytest.mark.parametrize(
    "key",
    [
        *("references/eileen/00.jpg", "generations/eileen/00.jpg", "generations/eileen/portrait/", ""),
        *(f"generations/eileen/portrait/{name}" for name in ("notes.json", "00.txt", "0.jpg", "00.jpg.bak")),
    ],
)
def test_other_keys_are_refused(harness: Harness, key: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        harness.score(key)

    assert refused.value.code == "not_a_generated_image"


FACES = EncoderVersion("face-tiny", "55533b28", "v1")
FIRST, SECOND = REFERENCES.values()
PICTURE = b"0.6 0.8"


def test_the_face_is_compared_beside_the_picture(harness: Harness) -> None:
    harness.faces = FakeFaces(FACES, {FIRST: [0], SECOND: [20, 80], PICTURE: [90, 10]})

    score = harness.score(IMAGE)

    assert score is not None
    face = score.face_identity
    assert face is not None
    assert face.likeness is not None
    assert face.version == FACES
    assert face.likeness.best == pytest.approx(cos(radians(10)), abs=1e-6)
    assert [key for key, _ in face.likeness.per_reference] == list(REFERENCES)
    assert face.other_faces == 1
    assert score.mean == 0.7


def test_faces_of_references_are_looked_for_once(harness: Harness) -> None:
    harness.faces = FakeFaces(FACES, {FIRST: [0], SECOND: "no_face", PICTURE: [10], b"0.8 0.6": [20]})
    harness.score(IMAGE)
    harness.faces.searched.clear()
    harness.bucket.objects[OTHER] = b"0.8 0.6"

    score = harness.score(OTHER)

    assert harness.faces.searched == [b"0.8 0.6"]
    assert score is not None
    assert score.face_identity is not None
    assert score.face_identity.likeness is not None
    assert score.face_identity.likeness.per_reference == ((next(iter(REFERENCES)), 0.939693),)


@pytest.mark.parametrize("changed", [{"weights_sha256": "another"}, {"preprocessing": "v2"}])
def test_another_face_encoder_compares_anew_and_the_references_too(
    harness: Harness, changed: dict[str, str]
) -> None:
    """Also the first one, for scores from before there was any."""
    seen = {FIRST: [0.0], SECOND: [20.0], PICTURE: [10.0]}
    before = harness.score(IMAGE)
    for version in (FACES, FACES._replace(**changed)):
        harness.faces = FakeFaces(version, seen)
        score = harness.score(IMAGE)
        assert score is not None
        assert score.face_version == version
        assert sorted(harness.faces.searched) == [SECOND, PICTURE, FIRST]
        assert before is not None
        assert score.per_reference == before.per_reference
        harness.faces.searched.clear()
        assert harness.score(IMAGE) == score
        assert harness.faces.searched == []


def test_a_face_that_cannot_be_compared_has_a_reason(harness: Harness) -> None:
    harness.faces = FakeFaces(FACES, {FIRST: [0], PICTURE: "profile"})
    score = harness.score(IMAGE)
    assert score is not None
    assert score.face_identity is not None
    assert score.face_identity.no_face == "profile"


@pytest.mark.parametrize(("class_name", "code"), [("cat", "not_a_person"), ("woman", "no_reference_face")])
def test_where_no_reference_shows_a_face_no_picture_is_searched(
    harness: Harness, class_name: str, code: str
) -> None:
    identity = harness.identities.stored["eileen"]
    harness.identities.stored["eileen"] = identity.model_copy(update={"class_name": class_name})
    harness.faces = FakeFaces(FACES, {PICTURE: [0]})
    for _ in range(2):
        harness.scores.scores.clear()
        score = harness.score(IMAGE)
        assert score is not None
        assert score.face_identity is not None
        assert score.face_identity.no_face == code
    assert PICTURE not in harness.faces.searched


def test_a_search_for_faces_that_fails_comes_again_and_leaves_the_others_be(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness.bucket.objects[OTHER] = b"0.8 0.6"
    harness.faces = FakeFaces(FACES, {FIRST: [0], PICTURE: [0], b"0.8 0.6": [0]})
    faces = harness.faces.faces

    def broken(image: bytes) -> list[Face]:
        if image == PICTURE:
            raise RuntimeError("out of memory")
        return faces(image)

    monkeypatch.setattr(harness.faces, "faces", broken)
    scoring = harness.scoring
    failed, scored = scoring.embed([IMAGE, OTHER])
    with pytest.raises(RuntimeError):
        scoring.score(failed)
    assert isinstance(scoring.score(scored), Score)


def test_decoys_of_faces_calibrate_the_face(harness: Harness) -> None:
    third = {"references/eileen/02.jpg": b"0.8 0.6"}
    harness.bucket.objects |= third
    harness.identities.stored["eileen"] = _drawn("eileen", 3)
    harness.faces = FakeFaces(FACES, {FIRST: [0], SECOND: [10], b"0.8 0.6": [20], PICTURE: [10]})
    harness.faces.decoy = a_face(90).embedding
    score = harness.score(IMAGE)
    assert score is not None
    assert score.face_identity is not None
    assert score.face_identity.likeness is not None
    assert score.face_identity.likeness.calibration is not None
    assert score.calibration is None, "the whole picture has no decoys"
