from hashlib import sha256

import pytest

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.generation import MAX_IMAGE_BYTES
from character_identity.domain.identity import Identity
from character_identity.domain.score import EncoderVersion, Score
from character_identity.services.scoring import ScoringService
from tests.support.builders import an_identity
from tests.support.fakes import FakeBucket, FakeIdentities
from tests.support.scoring_fakes import FakeEmbedder, FakeScores

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

    @property
    def scoring(self) -> ScoringService:
        return ScoringService(
            identities=self.identities, bucket=self.bucket, scores=self.scores, embedder=self.embedder
        )

    def score(self, key: str) -> Score | None:
        scoring = self.scoring
        [look] = scoring.look_at([key])
        return scoring.score(look)


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
    harness.bucket.objects[IMAGE] = b"0.6 0.8".ljust(MAX_IMAGE_BYTES)
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

    looks = scoring.look_at([IMAGE, OTHER])

    assert harness.embedder.calls == [[b"1.0 0.0", b"0.0 1.0"], [b"0.6 0.8", b"0.8 0.6"]]
    assert [score and score.best for score in map(scoring.score, looks)] == [0.8, 0.8]
    assert harness.scores.references("eileen", VERSION) == [
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
    erased, throttled_one, unreadable, foreign, scored = scoring.look_at([gone, slow, OTHER, "a.jpg", IMAGE])

    assert scoring.score(erased) is None
    with pytest.raises(ConnectionError):
        scoring.score(throttled_one)
    for look, code in ((unreadable, "unreadable_image"), (foreign, "not_a_generated_image")):
        with pytest.raises(InvalidRequest) as refused:
            scoring.score(look)
        assert refused.value.code == code
    assert scoring.score(scored) is not None
    assert harness.scores.scores_of("portrait").keys() == {3}


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
    with pytest.raises(InvalidRequest) as refused:
        harness.score(IMAGE)
    assert refused.value.code == "reference_changed"


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


def test_nothing_is_recorded_of_an_image_that_is_gone(harness: Harness) -> None:
    del harness.bucket.objects[IMAGE]

    assert harness.score(IMAGE) is None
    assert harness.scores.scores_of("portrait") == {}


def test_an_image_that_cannot_be_embedded_has_no_score(harness: Harness) -> None:
    harness.bucket.objects[IMAGE] = b"<html>"

    with pytest.raises(InvalidRequest) as refused:
        harness.score(IMAGE)

    assert refused.value.code == "unreadable_image"
    assert harness.scores.scores_of("portrait") == {}


@pytest.mark.parametrize(
    "key",
    ["references/eileen/00.jpg", "generations/eileen/portrait/notes.json", "generations/eileen/00.jpg", ""],
)
def test_other_keys_are_refused(harness: Harness, key: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        harness.score(key)

    assert refused.value.code == "not_a_generated_image"
