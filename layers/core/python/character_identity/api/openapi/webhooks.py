"""What we post to the addresses that callers register, as OpenAPI describes webhooks."""

from collections.abc import Mapping
from typing import get_args

from character_identity.api.openapi.components import TEXT, Json, json_of
from character_identity.api.openapi.examples import example_of
from character_identity.api.openapi.properties import explained
from character_identity.domain.event import EventType

SUMMARIES: Mapping[EventType, str] = {
    "IdentityReady": "An identity may be drawn",
    "IdentityFailed": "A training failed",
    "IdentityErased": "An identity was erased",
    "GenerationCompleted": "Pictures are there, at least some of them",
    "GenerationFailed": "There are no pictures",
    "ImageScored": "An encoder has scored a picture, perhaps before its generation has ended",
    "ImageNotScored": "An encoder could not score a picture, or none has looked at it in time",
    "EvaluationCompleted": "The results of an evaluation are there",
    "EvaluationFailed": "An evaluation failed, or was cancelled",
    "WebhookTest": "Somebody asked whether events arrive",
}
ERROR: Json = {
    "type": "object",
    "properties": {"code": TEXT, "message": TEXT},
    "required": ["code", "message"],
}
NUMBER_OR_NULL: Json = {"type": ["number", "null"]}
ABOUT_IMAGE: Json = {
    "generationId": TEXT,
    "imageNumber": {"type": "integer", "minimum": 1},
    "encoder": TEXT,
}
DATA: Mapping[EventType, Json] = {
    "IdentityReady": {"status": {"const": "ready"}},
    "IdentityFailed": {"status": {"const": "failed"}, "error": ERROR},
    "IdentityErased": {"status": {"const": "erased"}},
    "GenerationCompleted": {"generationId": TEXT, "status": {"const": "succeeded"}},
    "GenerationFailed": {"generationId": TEXT, "status": {"const": "failed"}, "error": ERROR},
    "ImageScored": {
        **ABOUT_IMAGE,
        "mean": {"type": "number"},
        "clipSimilarity": NUMBER_OR_NULL,
        "faceSimilarity": NUMBER_OR_NULL,
    },
    "ImageNotScored": {**ABOUT_IMAGE, "encoder": {"type": ["string", "null"]}, "error": ERROR},
    "EvaluationCompleted": {"status": {"const": "completed"}},
    "EvaluationFailed": {"status": {"enum": ["failed", "cancelled"]}, "error": ERROR},
    "WebhookTest": {},
}
"""Of each event's ``data``, beside the id of what it is about; all of it is always there."""
ABOUT = {"Evaluation": "evaluationId", "Webhook": "endpointId"}
"""What an event is about, by how its type begins; of all others it is an identity."""
SIGNED = {
    "webhook-id": "The event's id",
    "webhook-timestamp": "Seconds since 1970, of this attempt",
    "webhook-signature": "v1, and HMAC-SHA256 of id.timestamp.body in base64; several are parted by blanks",
}


def webhooks() -> Json:
    """Every event by its type."""
    return {kind: {"post": _described(kind)} for kind in get_args(EventType)}


def _described(kind: EventType) -> Json:
    about = next((name for start, name in ABOUT.items() if kind.startswith(start)), "characterId")
    data: Json = {about: TEXT, **DATA[kind]}
    message = {
        "id": TEXT,
        "type": {"const": kind},
        "timestamp": {"type": "string", "format": "date-time"},
        "data": {"type": "object", "properties": data, "required": [*data]},
    }
    content = explained("Event", {"type": "object", "properties": message, "required": [*message]})
    return {
        "operationId": f"on{kind}",
        "tags": ["Events"],
        "summary": SUMMARIES[kind],
        "description": "Signed as Standard Webhooks has it. It may come again, with the same id.",
        "security": [],
        "parameters": [
            {"name": name, "in": "header", "required": True, "description": meaning, "schema": TEXT}
            for name, meaning in SIGNED.items()
        ],
        "requestBody": {
            "required": True,
            "content": json_of(content, example=example_of(content, {}, "Event")),
        },
        "responses": {
            "2XX": {"description": "It has arrived"},
            "410": {"description": "This address wants no more events"},
        },
    }
