from hashlib import sha256

import pytest

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.score import EncoderVersion
from character_identity.services.scoring import ScoringService
from tests.fakes import FakeBucket
from tests.scoring_fakes import FakeEmbedder, FakeScores

VERSION = EncoderVersion("tiny", "57934424", "v1")
PICTURE = "generations/eileen/portrait/03.jpg"
REFERENCES = {"references/eileen/00.jpg": b"1.0 0.0", "references/eileen/01.jpg": b"0.0 1.0"}


class World:
    """A bucket with one generated picture, its identity's references and another identity's."""

    def __init__(self) -> None:
        others = {PICTURE: b"0.6 0.8", "references/eileen2/00.jpg": b"-1.0 0.0"}
        self.bucket = FakeBucket(**REFERENCES, **others)
        self.scores = FakeScores()
        self.embedder = FakeEmbedder(VERSION)

    @property
    def scoring(self) -> ScoringService:
        return ScoringService(bucket=self.bucket, scores=self.scores, embedder=self.embedder)


@pytest.fixture
def world() -> World:
    return World()


def test_a_picture_is_compared_with_every_reference_of_its_identity_and_no_other(world: World) -> None:
    score = world.scoring.score(PICTURE)

    assert score is not None
    assert score.per_reference == (("references/eileen/00.jpg", 0.6), ("references/eileen/01.jpg", 0.8))
    assert (score.mean, score.best) == (0.7, 0.8)
    assert (score.encoder, score.weights_sha256, score.preprocessing) == VERSION
    assert score.image_sha256 == sha256(b"0.6 0.8").hexdigest()
    assert world.scores.scores_of("portrait") == {3: [score]}


def test_a_second_event_for_a_picture_changes_nothing_and_computes_nothing(world: World) -> None:
    first = world.scoring.score(PICTURE)
    stored = (dict(world.scores.scores), dict(world.scores.embeddings))
    world.embedder.embedded.clear()

    assert world.scoring.score(PICTURE) == first
    assert (world.scores.scores, world.scores.embeddings) == stored
    assert world.embedder.embedded == []


def test_references_are_embedded_once_for_all_pictures(world: World) -> None:
    world.scoring.score(PICTURE)
    world.bucket.objects["generations/eileen/portrait/04.jpg"] = b"0.8 0.6"
    world.embedder.embedded.clear()

    world.scoring.score("generations/eileen/portrait/04.jpg")

    assert world.embedder.embedded == [b"0.8 0.6"]


def test_another_version_of_the_encoder_uses_no_earlier_embedding(world: World) -> None:
    world.scoring.score(PICTURE)
    world.embedder = FakeEmbedder(VERSION._replace(preprocessing="v2"))

    world.scoring.score(PICTURE)

    assert sorted(world.embedder.embedded) == [b"0.0 1.0", b"0.6 0.8", b"1.0 0.0"]


def test_a_replaced_picture_gets_a_new_score_in_place_of_the_old_one(world: World) -> None:
    world.scoring.score(PICTURE)
    world.bucket.objects[PICTURE] = b"1.0 0.0"

    replaced = world.scoring.score(PICTURE)

    assert replaced is not None
    assert replaced.best == 1
    assert world.scores.scores_of("portrait") == {3: [replaced]}


def test_nothing_is_recorded_of_an_erased_identity(world: World) -> None:
    for key in REFERENCES:
        del world.bucket.objects[key]

    assert world.scoring.score(PICTURE) is None
    assert (world.scores.scores_of("portrait"), world.scores.embeddings) == ({}, {})


def test_nothing_is_recorded_of_an_identity_that_was_erased_meanwhile(world: World) -> None:
    """Its pictures could still be read when the scoring began."""
    world.scores.erased.add("eileen")

    assert world.scoring.score(PICTURE) is None
    assert (world.scores.scores_of("portrait"), world.scores.embeddings) == ({}, {})


def test_a_picture_shared_by_two_identities_is_kept_for_each(world: World) -> None:
    world.scoring.score(PICTURE)
    others = {"references/anna/00.jpg": b"1.0 0.0", "generations/anna/portrait/01.jpg": b"0.6 0.8"}
    world.bucket.objects |= others

    world.scoring.score("generations/anna/portrait/01.jpg")

    kept = [identity_id for identity_id, _, _ in world.scores.embeddings]
    assert (kept.count("eileen"), kept.count("anna")) == (3, 2)


def test_nothing_is_recorded_of_a_picture_that_is_gone(world: World) -> None:
    del world.bucket.objects[PICTURE]

    assert world.scoring.score(PICTURE) is None
    assert world.scores.scores_of("portrait") == {}


def test_a_picture_that_cannot_be_embedded_has_no_score(world: World) -> None:
    world.bucket.objects[PICTURE] = b"<html>"

    with pytest.raises(InvalidRequest) as refused:
        world.scoring.score(PICTURE)

    assert refused.value.code == "unreadable_image"
    assert world.scores.scores_of("portrait") == {}


@pytest.mark.parametrize(
    "key",
    ["references/eileen/00.jpg", "generations/eileen/portrait/notes.json", "generations/eileen/00.jpg", ""],
)
def test_other_keys_are_refused(world: World, key: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        world.scoring.score(key)

    assert refused.value.code == "not_a_generated_image"
