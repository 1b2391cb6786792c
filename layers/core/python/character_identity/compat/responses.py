"""Our identities and generations in the words that the TypeScript client reads."""

import logging
from collections.abc import Callable
from typing import Any

from character_identity.domain.errors import InvalidRequest, NotFound
from character_identity.domain.generation import Generation
from character_identity.domain.identity import Identity
from character_identity.ports.stores import Bucket

logger = logging.getLogger(__name__)


def images(generation: Generation, bucket: Bucket) -> dict[str, Any]:
    """A succeeded generation as fal's picture endpoints answer, and what they do not say beside it."""
    shown = [image for image in generation.images if image.key]
    return {
        "images": [
            {
                "url": bucket.link(image.key),
                "width": image.width,
                "height": image.height,
                "content_type": image.content_type,
            }
            for image in shown
            if image.key
        ],
        "seed": next((image.seed for image in shown), None),
        "timings": {} if generation.took_ms is None else {"inference": generation.took_ms / 1000},
        "has_nsfw_concepts": [False for _ in shown],
        "prompt": generation.prompt_used,
        "warnings": generation.warnings,
        "cost": generation.cost_usd,
        "request_id": generation.generation_id,
        "generation_id": generation.generation_id,
    }


def lora_status(identity: Identity, bucket: Bucket) -> dict[str, Any]:
    """A training in the client's four words."""
    answer: dict[str, Any] = {"request_id": identity.identity_id, "progress": identity.progress}
    if identity.status == "failed":
        failure = identity.error
        return answer | {
            "status": "failed",
            "error": failure.message if failure else "The training failed.",
            "code": failure.code if failure else "training_failed",
        }
    if identity.status == "ready" and identity.weights:
        return answer | {
            "status": "completed",
            "diffusers_lora_file": {
                "url": bucket.link(identity.weights.key),
                "content_type": "application/octet-stream",
                "file_name": "lora.safetensors",
                "file_size": identity.weights.size_bytes,
            },
            "trigger_word": identity.trigger_word,
            "cost": identity.cost_usd,
        }
    waiting = identity.phase in {"preparing", "submitting", "queued"}
    return answer | {"status": "queued" if waiting else "in_progress"}


def tune(identity: Identity, warnings: list[str] | None = None) -> dict[str, Any]:
    """An identity as Astria's tune, with the ``failed_at`` that the client looks for."""
    settled_at, expires_at = identity.settled_at, identity.model_expires_at
    ready = identity.status == "ready" and settled_at is not None
    answer: dict[str, Any] = {
        "id": identity.identity_id,
        "title": f"Character: {identity.name}",
        "name": identity.class_name,
        "branch": "fast" if identity.mock else "flux1",
        "model_type": "lora",
        "created_at": identity.created_at.isoformat(),
        "trained_at": settled_at.isoformat() if ready and settled_at else None,
        "expires_at": expires_at.isoformat() if expires_at else None,
        "progress": identity.progress,
        "mock": identity.mock,
    }
    if identity.status == "failed":
        answer["failed_at"] = settled_at.isoformat() if settled_at else None
        answer["error"] = identity.error.message if identity.error else "The training failed."
    return answer | ({"warnings": warnings} if warnings else {})


def prompt(generation: Generation, bucket: Bucket) -> dict[str, Any]:
    """A generation as Astria's prompt; its pictures as objects, as the client reads them."""
    answer: dict[str, Any] = {
        "id": generation.generation_id,
        "tune_id": generation.identity_id,
        "text": generation.prompt_used,
        "seed": generation.request.seed,
        "num_images": generation.request.num_images,
        "images": [],
        "created_at": generation.created_at.isoformat(),
        "warnings": generation.warnings,
        "cost": generation.cost_usd,
    }
    if generation.status == "succeeded":
        answer["images"] = [{"url": bucket.link(image.key)} for image in generation.images if image.key]
    if generation.status == "failed":
        answer["failed_at"] = generation.settled_at.isoformat() if generation.settled_at else None
        answer["error"] = generation.error.message if generation.error else "The generation failed."
    return answer


def status_or(
    read: Callable[[], dict[str, Any]], *, unknown: dict[str, Any], troubled: dict[str, Any]
) -> dict[str, Any]:
    """A status, whatever happens: any answer but 200 would end a paid training for the TypeScript client.

    ``unknown`` stands for what is not there or was asked wrongly, ``troubled`` for trouble of our own.
    """
    try:
        return read()
    except (InvalidRequest, NotFound) as error:
        logger.info("refused", extra={"code": error.code})
        return {**unknown, "error": error.message, "code": error.code}
    except Exception:
        logger.exception("unhandled exception; the TypeScript client is told to ask again")
        return troubled
