from datetime import timedelta

import pytest

from character_identity.domain.event import Event, event_id_of
from character_identity.domain.failure import Failure
from character_identity.domain.score import NotScored, Score
from character_identity.domain.text import LONGEST_MESSAGE
from character_identity.domain.view import EncoderVersion
from tests.support.builders import NOON, a_generation, a_score, a_training_identity, an_identity

FAILURE = Failure(code="training_failed", message="no face")


def test_the_same_event_made_twice_has_the_same_id() -> None:
    ready = Event.of_identity(an_identity(settled_at=NOON))
    again = Event.of_identity(an_identity(settled_at=NOON + timedelta(hours=1)))
    assert ready.event_id == again.event_id == "evt_5c3b497dc21224f2b1885989fc9a9c6f"


def test_other_events_have_other_ids() -> None:
    ids = {
        event_id_of(kind, subject)
        for kind in ("IdentityReady", "IdentityFailed", "IdentityErased", "GenerationCompleted")
        for subject in ("i1", "i2")
    }
    assert len(ids) == 8


def test_an_identity_that_is_ready_is_reported() -> None:
    event = Event.of_identity(an_identity(settled_at=NOON))
    assert (event.type, event.owner, event.subject_id) == ("IdentityReady", "ann", "i1")
    assert event.message == {
        "id": event.event_id,
        "type": "IdentityReady",
        "timestamp": "2026-11-22T12:00:00Z",
        "data": {"characterId": "i1", "status": "ready"},
    }


def test_an_identity_that_failed_is_reported_with_the_reason() -> None:
    event = Event.of_identity(an_identity(status="failed", settled_at=NOON, error=FAILURE))
    assert event.type == "IdentityFailed"
    assert event.data["error"] == {"code": "training_failed", "message": "no face"}


def test_an_erased_identity_is_reported() -> None:
    event = Event.of_erasure(an_identity(), NOON)
    assert (event.type, event.occurred_at) == ("IdentityErased", NOON)
    assert event.data == {"characterId": "i1", "status": "erased"}


@pytest.mark.parametrize(
    ("status", "kind"), [("succeeded", "GenerationCompleted"), ("failed", "GenerationFailed")]
)
def test_a_settled_generation_is_reported_without_prompt_and_links(status: str, kind: str) -> None:
    event = Event.of_generation(a_generation(status=status, settled_at=NOON, prompt_used="SARAH runs"))
    assert (event.type, event.subject_id) == (kind, "g1")
    assert event.data == {"generationId": "g1", "characterId": "i1", "status": status}


def test_a_score_is_reported_by_image_and_encoder() -> None:
    score = a_score(EncoderVersion("clip-vit-b32", "0f1e", "v1"), "0f1e", {"r": 0.5})
    other = a_score(EncoderVersion("other", "0f1e", "v1"), "0f1e", {"r": 0.5})
    none = NotScored(encoder="clip-vit-b32", code="black_image", reason="It is black.")
    first = Event.of_score("ann", "i1", "g1", 2, score, NOON)
    assert (first.type, first.owner) == ("ImageScored", "ann")
    about = {"generationId": "g1", "characterId": "i1", "imageNumber": 2, "encoder": "clip-vit-b32"}
    assert first.data == {**about, "mean": 0.5, "clipSimilarity": 0.5, "faceSimilarity": None}
    why = {"code": "black_image", "message": "It is black."}
    assert Event.of_score("ann", "i1", "g1", 2, none, NOON).data == {**about, "error": why}
    assert first.event_id == event_id_of("ImageScored", "g1/2/clip-vit-b32")
    outcomes: list[tuple[int, Score | NotScored]] = [(2, score), (2, other), (2, none), (3, score)]
    events = [Event.of_score("ann", "i1", "g1", number, outcome, NOON) for number, outcome in outcomes]
    assert len({event.event_id for event in events}) == 4


def test_an_event_gives_the_same_reason_as_the_api_however_long_it_was() -> None:
    failure = Failure(code="generation_failed", message="x" * 10_000)
    event = Event.of_generation(a_generation(status="failed", settled_at=NOON, error=failure))
    assert event.data["error"] == failure.model_dump()
    assert len(failure.message) == LONGEST_MESSAGE


def test_what_has_not_ended_is_no_event() -> None:
    with pytest.raises(ValueError, match="not settled"):
        Event.of_identity(a_training_identity())
    with pytest.raises(ValueError, match="not settled"):
        Event.of_generation(a_generation(status="running"))
