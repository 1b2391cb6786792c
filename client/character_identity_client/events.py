"""What webhooks tell, by type; may be copied with ``webhooks``, which it stands beside."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True)
class Reason:
    """Why something failed; ``code`` is stable, ``message`` is for people."""

    code: str
    message: str


@dataclass(frozen=True, kw_only=True)
class WebhookEvent:
    """What every event has; one of a type that this release does not know is this and nothing more.

    ``id`` is the same at every attempt, ``timestamp`` when it happened (UTC), ``data`` all that is told.
    """

    id: str
    type: str
    timestamp: datetime
    data: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class IdentityReady(WebhookEvent):
    """An identity may be drawn."""

    type: Literal["IdentityReady"]
    character_id: str
    status: Literal["ready"]


@dataclass(frozen=True, kw_only=True)
class IdentityFailed(WebhookEvent):
    """A training failed."""

    type: Literal["IdentityFailed"]
    character_id: str
    status: Literal["failed"]
    error: Reason


@dataclass(frozen=True, kw_only=True)
class IdentityErased(WebhookEvent):
    """An identity was erased."""

    type: Literal["IdentityErased"]
    character_id: str
    status: Literal["erased"]


@dataclass(frozen=True, kw_only=True)
class GenerationCompleted(WebhookEvent):
    """Pictures are there, at least some of them."""

    type: Literal["GenerationCompleted"]
    character_id: str
    generation_id: str
    status: Literal["succeeded"]


@dataclass(frozen=True, kw_only=True)
class GenerationFailed(WebhookEvent):
    """There are no pictures."""

    type: Literal["GenerationFailed"]
    character_id: str
    generation_id: str
    status: Literal["failed"]
    error: Reason


@dataclass(frozen=True, kw_only=True)
class ImageScored(WebhookEvent):
    """An encoder has scored a picture, perhaps before its generation has ended; numbered from 1.

    ``mean`` is the mean cosine with the references, from -1 to 1; ``clip_similarity`` is it where the encoder
    is CLIP, ``face_similarity`` that of the face, each None without.
    """

    type: Literal["ImageScored"]
    character_id: str
    generation_id: str
    image_number: int
    encoder: str
    mean: float
    clip_similarity: float | None
    face_similarity: float | None


@dataclass(frozen=True, kw_only=True)
class ImageNotScored(WebhookEvent):
    """An encoder could not score a picture, or none has looked at it in time: ``encoder`` is None then."""

    type: Literal["ImageNotScored"]
    character_id: str
    generation_id: str
    image_number: int
    encoder: str | None
    error: Reason


@dataclass(frozen=True, kw_only=True)
class EvaluationCompleted(WebhookEvent):
    """The results of an evaluation are there."""

    type: Literal["EvaluationCompleted"]
    evaluation_id: str
    status: Literal["completed"]


@dataclass(frozen=True, kw_only=True)
class EvaluationFailed(WebhookEvent):
    """An evaluation failed, or was cancelled."""

    type: Literal["EvaluationFailed"]
    evaluation_id: str
    status: Literal["failed", "cancelled"]
    error: Reason


@dataclass(frozen=True, kw_only=True)
class WebhookTest(WebhookEvent):
    """Somebody asked whether events arrive."""

    type: Literal["WebhookTest"]
    endpoint_id: str


EVENTS = {kind.__name__: kind for kind in WebhookEvent.__subclasses__()}
"""The events by their types."""
SHARED = {field.name for field in fields(WebhookEvent)}


def event_of(body: bytes) -> WebhookEvent:
    """The event that a webhook's body tells.

    One of another shape than this release knows for its type is a plain ``WebhookEvent`` with all its data.

    Raises:
        ValueError: it tells none.
    """
    message = json.loads(body)
    if not isinstance(message, dict):
        raise ValueError("The body is no JSON object.")
    match message:
        case {"id": str(event_id), "type": str(kind), "timestamp": str(timestamp), "data": dict(data)}:
            at = datetime.fromisoformat(timestamp)
        case _:
            raise ValueError("The body has no id, type, timestamp and data of an event.")
    shared: dict[str, Any] = {"id": event_id, "type": kind, "timestamp": at, "data": data}
    known = EVENTS.get(kind, WebhookEvent)
    try:
        own = {name: _read(data, name) for name in (f.name for f in fields(known)) if name not in SHARED}
    except (KeyError, TypeError):
        return WebhookEvent(**shared)
    return known(**shared, **own)


def _read(data: Mapping[str, Any], name: str) -> Any:
    first, *rest = name.split("_")
    value = data[first + "".join(word.capitalize() for word in rest)]
    return Reason(value["code"], value["message"]) if name == "error" else value
