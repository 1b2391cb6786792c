"""Builders for tests: each makes something valid, and takes what matters to the test."""

import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from io import BytesIO
from typing import Any

from PIL import Image

from character_identity.domain.evaluation import Evaluation
from character_identity.domain.generation import Generation, GenerationRequest
from character_identity.domain.identity import Identity, Weights
from character_identity.domain.job import EVALUATION, ProviderJob
from character_identity.domain.score import Calibration, Likeness, Score
from character_identity.domain.slots import Lease
from character_identity.domain.view import EncoderVersion

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NO_LIMIT = sys.maxsize
"""Of what may be spent, where a test is about something else."""


def an_identity(**changes: Any) -> Identity:
    """A trained fal-lora identity of Sarah's."""
    values: dict[str, Any] = {
        "identity_id": "i1",
        "owner": "ann",
        "name": "Sarah",
        "provider": "fal-lora",
        "class_name": "woman",
        "references": [f"references/i1/{number:04d}.jpg" for number in range(1, 6)],
        "status": "ready",
        "phase": "ready",
        "progress": 100,
        "created_at": NOON,
    }
    return Identity(**(values | changes))


def a_training_identity(**changes: Any) -> Identity:
    """The same while it trains."""
    return an_identity(**({"status": "training", "phase": "preparing", "progress": 0} | changes))


def some_weights(**changes: Any) -> Weights:
    """Our copy of a LoRA."""
    values: dict[str, Any] = {
        "key": "weights/i1/lora.safetensors",
        "size_bytes": 100,
        "sha256": "0" * 64,
        "provider_url": "https://v3.fal.media/lora.safetensors",
    }
    return Weights(**(values | changes))


def a_score(
    version: EncoderVersion,
    image_sha256: str,
    similarities: Mapping[str, float],
    *,
    centroid: float | None = None,
    calibration: Calibration | None = None,
    **changes: Any,
) -> Score:
    """The score of similarities by reference key, of which there is at least one."""
    likeness = Likeness.over(similarities, centroid=centroid, calibration=calibration)
    values = {**version._asdict(), **dict(likeness), "image_sha256": image_sha256}
    return Score(**(values | changes))


def a_request(**changes: Any) -> GenerationRequest:
    """Sarah, square, seed 7."""
    values: dict[str, Any] = {"prompt": "Sarah runs through a corridor", "seed": 7}
    return GenerationRequest(**(values | changes))


def a_generation(**changes: Any) -> Generation:
    """A generation of Sarah's that was just ordered."""
    values: dict[str, Any] = {
        "generation_id": "g1",
        "identity_id": "i1",
        "owner": "ann",
        "provider": "fal-lora",
        "request": a_request(),
        "status": "queued",
        "created_at": NOON,
    }
    return Generation(**(values | changes))


DEADLINE = NOON + timedelta(minutes=10)


def a_job(**changes: Any) -> ProviderJob:
    """The accepted order of Sarah's training, for two dollars."""
    values: dict[str, Any] = {
        "job_id": "training-i1",
        "kind": "training",
        "owner": "ann",
        "identity_id": "i1",
        "subject_id": "i1",
        "provider": "fal-lora",
        "accepted_at": NOON,
        "deadline_at": DEADLINE,
        "callback_token": "secret",
        "budget_month": "2026-11",
        "reserved_microusd": 2_000_000,
        "estimate_microusd": 2_000_000,
    }
    return ProviderJob(**(values | changes))


def a_lease(job_id: str, **changes: Any) -> Lease:
    """Ann's place for a job, from noon on for ten minutes."""
    values: dict[str, Any] = {"owner": "ann", "priority": "interactive", "since": NOON, "until": DEADLINE}
    return Lease(job_id=job_id, **(values | changes))


def a_generation_job(**changes: Any) -> ProviderJob:
    """The accepted order of a generation's pictures, for ten cents."""
    values: dict[str, Any] = {
        "job_id": "generation-g1",
        "kind": "generation",
        "subject_id": "g1",
        "deadline_at": NOON + timedelta(minutes=5),
        "reserved_microusd": 200_000,
        "estimate_microusd": 100_000,
    }
    return a_job(**(values | changes))


@cache
def an_image(
    width: int = 320, height: int = 300, colour: Any = (200, 120, 40), image_format: str = "JPEG", **save: Any
) -> bytes:
    """A plain picture's bytes."""
    out = BytesIO()
    mode = "RGBA" if isinstance(colour, tuple) and len(colour) == 4 else "RGB"
    Image.new(mode, (width, height), colour).save(out, image_format, **save)
    return out.getvalue()


def different_images(count: int) -> list[bytes]:
    """Plain pictures, each of another colour."""
    return [an_image(colour=(200 - 8 * number, 120, 40 + 8 * number)) for number in range(count)]


def an_evaluation(**changes: Any) -> Evaluation:
    """An evaluation of ann's of a character by two providers, whose identities are there."""
    usual: dict[str, Any] = {
        "evaluation_id": "e1",
        "owner": "ann",
        "name": "Sarah",
        "class_name": "woman",
        "created_at": NOON,
        "updated_at": NOON,
        "providers": ["fal-instant", "fal-lora"],
        "identities": {"fal-instant": "i1", "fal-lora": "i2"},
        "references": ["references/e1/0001.jpg"],
        "reference_sha256s": ["0f1e"],
        "scenarios": 1,
        "variations": 1,
        "cells": 2,
        "images": 2,
        "estimate_microusd": 3_000_000,
        "assumed_microusd": 0,
        "reserved_microusd": 4_000_000,
        "max_cost_usd": 5.0,
    }
    return Evaluation(**{**usual, **changes})


def an_evaluation_job(**changes: Any) -> ProviderJob:
    """The job that holds the money of ``an_evaluation``."""
    usual = {
        "job_id": "evaluation-e1",
        "kind": EVALUATION,
        "identity_id": "e1",
        "subject_id": "e1",
        "provider": "",
        "reserved_microusd": 4_000_000,
    }
    return a_job(**{**usual, **changes})
