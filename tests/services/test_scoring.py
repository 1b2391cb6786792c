from hashlib import sha256
from typing import Any

import pytest

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.generation import MAX_IMAGE_BYTES
from character_identity.domain.score import EncoderVersion
from character_identity.services.scoring import ScoringService
from tests.support.builders import an_identity
from tests.support.fakes import FakeBucket, FakeIdentities
from tests.support.scoring_fakes import FakeEmbedder, FakeScores

VERSION = EncoderVersion("tiny", "57934424", "v1")
IMAGE = "generations/eileen/portrait/03.jpg"
REFERENCES = {"references/eileen/00.jpg": b"1.0 0.0", "references/eileen/01.jpg": b"0.0 1.0"}


class Harness:
    """A bucket with one generated picture, its identity's references and another identity's."""

    def __init__(self) -> None:
        others = {IMAGE: b"0.6 0.8", "references/eileen2/00.jpg": b"-1.0 0.0"}
        self.bucket = FakeBucket(**REFERENCES, **others)
        self.identities = FakeIdentities()
        self.add_identity("eileen", REFERENCES)
        self.scores = FakeScores()
        self.embedder = FakeEmbedder(VERSION)

    @property
    def scoring(self) -> ScoringService:
        return ScoringService(
            identities=self.identities, bucket=self.bucket, scores=self.scores, embedder=self.embedder
        )

    def add_identity(self, identity_id: str, references: dict[str, bytes], **changes: Any) -> None:
        sha256s = [sha256(content).hexdigest() for content in references.values()]
        known = {"references": list(references), "reference_sha256s": sha256s} | changes
        self.identities.stored[identity_id] = an_identity(identity_id=identity_id, **known)


@pytest.fixture
def harness() -> Harness:
    return Harness()


def test_an_image_is_compared_with_every_reference_of_its_identity_and_no_other(harness: Harness) -> None:
    score = harness.scoring.score(IMAGE)

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
    alone = harness.scoring.score(IMAGE)
    harness.scores.scores.clear()
    harness.bucket.objects[f"references/eileen/{name}"] = b"" if not name or name.endswith("/") else b"<html>"
    assert harness.scoring.score(IMAGE) == alone


def test_the_largest_image_that_is_stored_is_scored(harness: Harness) -> None:
    harness.bucket.objects[IMAGE] = b"0.6 0.8".ljust(MAX_IMAGE_BYTES)
    assert harness.scoring.score(IMAGE) is not None


def test_a_second_event_for_an_image_changes_nothing_and_computes_nothing(harness: Harness) -> None:
    first = harness.scoring.score(IMAGE)
    stored = (dict(harness.scores.scores), dict(harness.scores.embeddings))
    harness.embedder.embedded.clear()

    assert harness.scoring.score(IMAGE) == first
    assert (harness.scores.scores, harness.scores.embeddings) == stored
    assert harness.embedder.embedded == []


def test_references_are_embedded_once_for_all_images(harness: Harness) -> None:
    harness.scoring.score(IMAGE)
    harness.bucket.objects["generations/eileen/portrait/04.jpg"] = b"0.8 0.6"
    harness.embedder.embedded.clear()

    harness.scoring.score("generations/eileen/portrait/04.jpg")

    assert harness.embedder.embedded == [b"0.8 0.6"]


def test_a_reference_is_not_read_again_once_its_embedding_is_kept(harness: Harness) -> None:
    harness.scoring.score(IMAGE)
    for key in REFERENCES:
        del harness.bucket.objects[key]

    assert harness.scoring.score(IMAGE) is not None


def test_the_references_of_an_earlier_release_are_read_for_their_hash(harness: Harness) -> None:
    harness.add_identity("eileen", REFERENCES, reference_sha256s=[])
    first = harness.scoring.score(IMAGE)
    harness.embedder.embedded.clear()

    assert harness.scoring.score(IMAGE) == first
    assert harness.embedder.embedded == []


def test_another_version_of_the_encoder_uses_no_earlier_embedding(harness: Harness) -> None:
    harness.scoring.score(IMAGE)
    harness.embedder = FakeEmbedder(VERSION._replace(preprocessing="v2"))

    harness.scoring.score(IMAGE)

    assert sorted(harness.embedder.embedded) == [b"0.0 1.0", b"0.6 0.8", b"1.0 0.0"]


def test_a_replaced_image_gets_a_new_score_in_place_of_the_old_one(harness: Harness) -> None:
    harness.scoring.score(IMAGE)
    harness.bucket.objects[IMAGE] = b"1.0 0.0"

    replaced = harness.scoring.score(IMAGE)

    assert replaced is not None
    assert replaced.best == 1
    assert harness.scores.scores_of("portrait") == {3: [replaced]}


def test_nothing_is_recorded_of_an_erased_identity(harness: Harness) -> None:
    del harness.identities.stored["eileen"]

    assert harness.scoring.score(IMAGE) is None
    assert (harness.scores.scores_of("portrait"), harness.scores.embeddings) == ({}, {})


def test_nothing_is_recorded_of_an_identity_that_was_erased_meanwhile(harness: Harness) -> None:
    """Its pictures could still be read when the scoring began."""
    harness.scores.erased.add("eileen")

    assert harness.scoring.score(IMAGE) is None
    assert (harness.scores.scores_of("portrait"), harness.scores.embeddings) == ({}, {})


def test_an_image_shared_by_two_identities_is_kept_for_each(harness: Harness) -> None:
    harness.scoring.score(IMAGE)
    others = {"references/anna/00.jpg": b"1.0 0.0", "generations/anna/portrait/01.jpg": b"0.6 0.8"}
    harness.bucket.objects |= others
    harness.add_identity("anna", {"references/anna/00.jpg": b"1.0 0.0"})

    harness.scoring.score("generations/anna/portrait/01.jpg")

    kept = [identity_id for identity_id, _, _ in harness.scores.embeddings]
    assert (kept.count("eileen"), kept.count("anna")) == (3, 2)


def test_nothing_is_recorded_of_an_image_that_is_gone(harness: Harness) -> None:
    del harness.bucket.objects[IMAGE]

    assert harness.scoring.score(IMAGE) is None
    assert harness.scores.scores_of("portrait") == {}


def test_an_image_that_cannot_be_embedded_has_no_score(harness: Harness) -> None:
    harness.bucket.objects[IMAGE] = b"<html>"

    with pytest.raises(InvalidRequest) as refused:
        harness.scoring.score(IMAGE)

    assert refused.value.code == "unreadable_image"
    assert harness.scores.scores_of("portrait") == {}


@pytest.mark.parametrize(
    "key",
    ["references/eileen/00.jpg", "generations/eileen/portrait/notes.json", "generations/eileen/00.jpg", ""],
)
def test_other_keys_are_refused(harness: Harness, key: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        harness.scoring.score(key)

    assert refused.value.code == "not_a_generated_image"
