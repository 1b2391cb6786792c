"""Scores against all references of a character, beside those against what a provider took."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

import pytest

from character_identity.domain.evaluation import Cell, CellOutcome
from character_identity.domain.score import NotScored, Score
from character_identity.domain.view import EncoderVersion
from character_identity.services.embedded_references import EmbeddedReferences
from character_identity.services.encoders import Encoders
from character_identity.services.evaluations.scoring import SharedScoring
from character_identity.services.scoring import ScoringService
from tests.support.builders import NOON, an_evaluation, an_identity
from tests.support.evaluation_fakes import FakeEvaluations
from tests.support.fakes import FakeBucket, FakeIdentities, event_service
from tests.support.scoring_fakes import FakeEmbedder, FakeFaces, FakeScores

VERSION = EncoderVersion("tiny", "57934424", "v1")
OWN, ALL = ["references/i2/0001.jpg"], ["references/e1/0001.jpg", "references/e1/0002.jpg"]
FIRST, SECOND = "generations/i2/g1/01.jpg", "generations/i2/g2/01.jpg"
PICTURES = {FIRST: b"1.0 0.0", SECOND: b"0.6 0.8"}
REFERENCES = {OWN[0]: b"1.0 0.0", ALL[0]: b"1.0 0.0", ALL[1]: b"0.0 1.0"}


class Harness:
    def __init__(self) -> None:
        self.bucket = FakeBucket(**PICTURES, **REFERENCES)
        for key in PICTURES:
            self.bucket.origins[key] = {"evaluation_id": "e1"}
        evaluation = an_evaluation(references=ALL, reference_sha256s=[])
        self.evaluations = FakeEvaluations(evaluation)
        self.scores = FakeScores()
        self.identities = FakeIdentities(an_identity(identity_id="i2", references=OWN))
        self.embedder = FakeEmbedder(VERSION)
        self.faces: FakeFaces | None = None
        self.told: list[str] = []

    def score(self, keys: Sequence[str]) -> None:
        """Score pictures as one call of the function does."""
        encoders = Encoders(self.embedder, self.faces)
        scoring = ScoringService(
            identities=self.identities,
            bucket=self.bucket,
            scores=self.scores,
            encoders=encoders,
            events=event_service(self.scores.events),
            now=lambda: NOON,
            shared=SharedScoring(
                evaluations=self.evaluations,
                scores=self.evaluations,
                references=EmbeddedReferences(self.bucket, self.scores, encoders),
                encoders=encoders,
                tell=self.told.append,
            ),
        )
        for image in scoring.embed(keys):
            scoring.score(image)

    def shared(self, generation_id: str) -> Score | NotScored:
        return self.evaluations.shared_scores("e1")[generation_id, 1]


def test_a_picture_is_scored_against_all_references_too() -> None:
    harness = Harness()
    harness.score([SECOND])
    shared, own = harness.shared("g2"), harness.scores.score_of("g2", 1, "tiny")
    assert isinstance(shared, Score) and own is not None
    assert own.mean == pytest.approx(0.6)
    assert shared.mean == pytest.approx(0.7)
    assert [key for key, _ in shared.per_reference] == ALL
    assert [*harness.evaluations.shared_embeddings("e1")] == [("g2", 1)]


def test_a_face_that_only_references_show_that_the_provider_did_not_take_is_looked_for() -> None:
    harness = Harness()
    harness.bucket.objects[OWN[0]] = b"0.8 0.6"
    seen = {REFERENCES[ALL[0]]: [0.0], PICTURES[SECOND]: [60.0, 180.0]}
    harness.faces = FakeFaces(EncoderVersion("face", "0f1e", "v1"), seen)
    harness.score([SECOND])
    shared, own = harness.shared("g2"), harness.scores.score_of("g2", 1, "tiny")
    assert isinstance(shared, Score) and shared.face_identity and shared.face_identity.likeness
    assert shared.face_identity.likeness.mean == pytest.approx(0.5)
    assert own and own.face_identity and own.face_identity.no_face == "no_reference_face"


def test_the_references_are_seen_once_for_all_pictures() -> None:
    harness = Harness()
    harness.score([FIRST])
    assert len(harness.evaluations.shared_references("e1", VERSION)) == 2
    for key in ALL:
        del harness.bucket.objects[key]
    harness.score([SECOND])
    assert isinstance(harness.shared("g2"), Score)
    own, shared = [b"1.0 0.0"], [b"1.0 0.0", b"0.0 1.0"]
    assert harness.embedder.calls == [[PICTURES[FIRST]], own, shared, [PICTURES[SECOND]]]


def test_embedded_references_that_go_while_pictures_are_scored_do_not_come_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of an identity that is erased; whoever has them in memory keeps them once only."""
    harness = Harness()
    put = harness.evaluations.put_shared_score

    def erased_then(*given: Any) -> None:
        monkeypatch.setattr(harness.evaluations, "put_shared_score", put)
        put(*given)
        assert len(harness.evaluations.shared_references("e1", VERSION)) == 2
        harness.evaluations.kept.clear()

    monkeypatch.setattr(harness.evaluations, "put_shared_score", erased_then)
    harness.score([FIRST, SECOND])
    assert len(harness.evaluations.shared_scores("e1")) == 2
    assert harness.evaluations.shared_references("e1", VERSION) == []


@pytest.mark.parametrize(("gone", "left"), [("i2", []), ("e0", [("g1", 1)])])
def test_what_is_erased_while_a_picture_is_scored_stays_away(
    gone: str, left: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its own identity, or another one of whose references some are."""
    harness = Harness()
    key = "references/e0/0001.jpg"
    harness.bucket.objects[key] = REFERENCES[ALL[1]]
    harness.evaluations.stored["e1"] = an_evaluation(references=[*OWN, key], reference_sha256s=[])
    put = harness.scores.put_score

    def erased_then(*given: Any) -> bool:
        harness.evaluations.erased.add(gone)
        return put(*given)

    monkeypatch.setattr(harness.scores, "put_score", erased_then)
    harness.score([FIRST])
    assert [*harness.evaluations.shared_scores("e1")] == left
    assert [*harness.evaluations.shared_embeddings("e1")] == left
    assert harness.evaluations.shared_references("e1", VERSION) == []


def test_again_changes_nothing() -> None:
    harness = Harness()
    for _ in range(2):
        harness.score([FIRST, SECOND])
    assert len(harness.evaluations.shared_scores("e1")) == 2


def test_a_scorer_that_dies_between_the_two_scores_gives_the_other_when_the_picture_comes_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The shared score is the second: with all of them an evaluation waits for nothing more."""
    harness = Harness()

    def die(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(harness.evaluations, "put_shared_score", die)
        harness.score([FIRST])
    assert harness.scores.score_of("g1", 1, "tiny") is not None
    harness.score([FIRST])
    assert isinstance(harness.shared("g1"), Score)


def test_a_picture_that_cannot_be_seen_has_the_reason() -> None:
    harness = Harness()
    harness.bucket.objects[FIRST] = b"broken"
    harness.score([FIRST])
    found = harness.shared("g1")
    assert isinstance(found, NotScored)
    assert found == harness.scores.scores_of("g1")[1][0]


def test_references_that_are_gone_are_the_reason() -> None:
    harness = Harness()
    del harness.bucket.objects[ALL[1]]
    harness.score([FIRST])
    found = harness.shared("g1")
    assert isinstance(found, NotScored) and found.code == "reference_deleted"
    assert harness.scores.score_of("g1", 1, "tiny") is not None


@pytest.mark.parametrize("when", ["before its first score", "between its two scores"])
def test_a_picture_whose_own_references_are_lost_is_compared_with_all_of_them(
    when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    harness = Harness()
    if when == "between its two scores":
        with monkeypatch.context() as patch:
            patch.setattr(harness.evaluations, "put_shared_score", lambda *arguments: None)
            harness.score([SECOND])
        harness.scores.embedded.clear()  # by a release with another encoder of faces
    own = harness.scores.score_of("g2", 1, "tiny")
    harness.bucket.objects[OWN[0]] = b"somebody else"
    harness.identities.stored["i2"] = an_identity(
        identity_id="i2", references=OWN, reference_sha256s=[sha256(REFERENCES[OWN[0]]).hexdigest()]
    )
    for _ in range(2):
        harness.score([SECOND])
    found, shared = harness.scores.scores_of("g2")[1][0], harness.shared("g2")
    assert isinstance(shared, Score) and shared.mean == pytest.approx(0.7)
    assert found == own or (isinstance(found, NotScored) and found.code == "reference_changed")
    assert len(harness.told) == 0


@pytest.mark.parametrize("phase", ["pictures", "scores"])
def test_the_last_score_wakes_who_waits_for_scores(phase: str) -> None:
    harness = Harness()
    harness.evaluations.stored["e1"] = harness.evaluations.get("e1").model_copy(update={"phase": phase})
    for number, generation_id in enumerate(("g1", "g2"), 1):
        cell = Cell(provider="fal-lora", scenario="beach", variation=number, images=1)
        harness.evaluations.put_cell("e1", CellOutcome(cell=cell, generation_id=generation_id, pictures=1))
    harness.score([FIRST])
    assert harness.told == []
    harness.score([SECOND])
    assert harness.told == (["evaluation-e1"] if phase == "scores" else [])


def test_pictures_of_no_evaluation_or_of_one_that_is_gone_are_scored_as_ever() -> None:
    harness = Harness()
    harness.bucket.origins[FIRST] = {}
    harness.evaluations.stored.clear()
    harness.score([FIRST, SECOND])
    assert harness.scores.score_of("g1", 1, "tiny") is not None
    assert harness.scores.score_of("g2", 1, "tiny") is not None
    assert harness.evaluations.shared_scores("e1") == {}
