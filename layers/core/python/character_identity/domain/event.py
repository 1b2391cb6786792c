"""Event: what came of something, as published on EventBridge and by webhook."""

import hashlib
from datetime import datetime
from typing import Any, Literal

from character_identity.domain.evaluation import Evaluation
from character_identity.domain.generation import Generation
from character_identity.domain.identity import Identity
from character_identity.domain.record import Record
from character_identity.domain.score import NotScored, Score
from character_identity.domain.scored_generation import LATE_CODE, LATE_REASON

EventType = Literal[
    "IdentityReady",
    "IdentityFailed",
    "IdentityErased",
    "GenerationCompleted",
    "GenerationFailed",
    "ImageScored",
    "ImageNotScored",
    "EvaluationCompleted",
    "EvaluationFailed",
    "WebhookTest",
]

IDENTITY_EVENTS: dict[str, EventType] = {"ready": "IdentityReady", "failed": "IdentityFailed"}
GENERATION_EVENTS: dict[str, EventType] = {"succeeded": "GenerationCompleted", "failed": "GenerationFailed"}


EVALUATION_EVENTS: dict[str, EventType] = {
    "completed": "EvaluationCompleted",
    "failed": "EvaluationFailed",
    "cancelled": "EvaluationFailed",
}


class Event(Record):
    """The end of one identity, generation or evaluation, or of the scoring of an image.

    ``data`` is what receivers read, in the API's camelCase: ids, the status and the error; no links and no
    prompts, for the receiver asks the API for those. The same event made twice has the same id.
    """

    event_id: str
    type: EventType
    owner: str
    subject_id: str
    occurred_at: datetime
    data: dict[str, Any]

    @classmethod
    def of_identity(cls, identity: Identity) -> "Event":
        """Return the event that an identity is ready, or failed.

        Raises:
            ValueError: it is neither.
        """
        ids = {"characterId": identity.identity_id}
        return cls._of_end(identity, identity.identity_id, IDENTITY_EVENTS, ids)

    @classmethod
    def of_erasure(cls, identity: Identity, erased_at: datetime) -> "Event":
        """Return the event that an identity was erased."""
        data = {"characterId": identity.identity_id, "status": "erased"}
        return cls._make("IdentityErased", identity.owner, identity.identity_id, erased_at, data)

    @classmethod
    def of_generation(cls, generation: Generation) -> "Event":
        """Return the event that a generation succeeded, at least in part, or failed.

        Raises:
            ValueError: it did neither.
        """
        ids = {"generationId": generation.generation_id, "characterId": generation.identity_id}
        return cls._of_end(generation, generation.generation_id, GENERATION_EVENTS, ids)

    @classmethod
    def of_evaluation(cls, evaluation: Evaluation) -> "Event":
        """Return the event that an evaluation has ended, and that its results are there if it has any.

        Raises:
            ValueError: it is not settled.
        """
        ids = {"evaluationId": evaluation.evaluation_id}
        return cls._of_end(evaluation, evaluation.evaluation_id, EVALUATION_EVENTS, ids)

    @classmethod
    def of_score(
        cls,
        owner: str,
        identity_id: str,
        generation_id: str,
        image_index: int,
        outcome: Score | NotScored,
        at: datetime,
    ) -> "Event":
        """Return the event that an encoder scored a generation's image, or why not: one of each for both."""
        data = _about_image(identity_id, generation_id, image_index, outcome.encoder)
        if isinstance(outcome, Score):
            kind: EventType = "ImageScored"
            face = outcome.face_identity.likeness if outcome.face_identity else None
            data |= {"mean": outcome.mean, "clipSimilarity": outcome.mean if outcome.is_clip else None}
            data["faceSimilarity"] = face.mean if face else None
        else:
            kind = "ImageNotScored"
            data["error"] = {"code": outcome.code, "message": outcome.reason}
        return cls._make(kind, owner, f"{generation_id}/{image_index}/{outcome.encoder}", at, data)

    @classmethod
    def of_late_score(cls, generation: Generation, image_index: int, at: datetime) -> "Event":
        """Return the event that no encoder has looked at an image in time; a score may follow."""
        data = _about_image(generation.identity_id, generation.generation_id, image_index, None)
        data["error"] = {"code": LATE_CODE, "message": LATE_REASON}
        subject_id = f"{generation.generation_id}/{image_index}/{LATE_CODE}"
        return cls._make("ImageNotScored", generation.owner, subject_id, at, data)

    @classmethod
    def of_test(cls, owner: str, endpoint_id: str, at: datetime) -> "Event":
        """Return an event that only tells an endpoint's receiver that events arrive."""
        made = cls._make("WebhookTest", owner, endpoint_id, at, {"endpointId": endpoint_id})
        return made.replace(event_id=event_id_of("WebhookTest", f"{endpoint_id}/{at.isoformat()}"))

    @classmethod
    def _of_end(
        cls,
        ended: Identity | Generation | Evaluation,
        subject_id: str,
        kinds: dict[str, EventType],
        ids: dict[str, str],
    ) -> "Event":
        if ended.status not in kinds or ended.settled_at is None:
            raise ValueError(f"The {type(ended).__name__.lower()} {subject_id!r} is not settled.")
        data: dict[str, Any] = {**ids, "status": ended.status}
        if ended.error is not None:
            data["error"] = {"code": ended.error.code, "message": ended.error.message}
        return cls._make(kinds[ended.status], ended.owner, subject_id, ended.settled_at, data)

    @classmethod
    def _make(
        cls, kind: EventType, owner: str, subject_id: str, occurred_at: datetime, data: dict[str, Any]
    ) -> "Event":
        return cls(
            event_id=event_id_of(kind, subject_id),
            type=kind,
            owner=owner,
            subject_id=subject_id,
            occurred_at=occurred_at,
            data=data,
        )

    @property
    def message(self) -> dict[str, Any]:
        """The event as JSON for the outside: the payload that Standard Webhooks recommends, and the id."""
        document = self.model_dump(mode="json")
        return {
            "id": self.event_id,
            "type": self.type,
            "timestamp": document["occurred_at"],
            "data": document["data"],
        }


def event_id_of(kind: EventType, subject_id: str) -> str:
    """``evt_`` and the first 32 hexadecimal digits of the SHA-256 of ``<type>/<subject id>``."""
    return f"evt_{hashlib.sha256(f'{kind}/{subject_id}'.encode()).hexdigest()[:32]}"


def _about_image(identity_id: str, generation_id: str, index: int, encoder: str | None) -> dict[str, Any]:
    return {
        "generationId": generation_id,
        "characterId": identity_id,
        "imageNumber": index,
        "encoder": encoder,
    }
