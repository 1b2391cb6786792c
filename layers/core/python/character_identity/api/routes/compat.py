"""The addresses of the TypeScript client."""

from collections.abc import Mapping
from typing import Any, get_args

from character_identity.api.route import AN_ID, EXAMPLE_ID, Answer, Query, Route
from character_identity.api.routes.generations import NOT_ORDERED
from character_identity.compat.requests import (
    CreatePrompt,
    CreateTune,
    InstantGeneration,
    LoraGeneration,
    LoraTraining,
)
from character_identity.domain.errors import ErrorCode, ReferenceCode

TAG = "First client"


def _answers(example: Mapping[str, Any]) -> dict[int, Answer]:
    what = "In the shape that the TypeScript client reads"
    return {200: Answer(description=what, content="application/json", example=example)}


PAID: tuple[ErrorCode, ...] = ("provider_not_configured", "budget_exceeded")
TAKEN_IN: tuple[ErrorCode, ...] = (
    *get_args(ReferenceCode),
    "unknown_provider",
    "too_many_identities",
    *PAID,
)
GENERATED: tuple[ErrorCode, ...] = ("filtered", "generation_failed", "still_running", "unknown_image_size")
TUNE = {"tune": {"title": "Character: Sarah", "class": "woman", "images": ["https://example.com/1.jpg"] * 4}}
ANSWERS_200 = "It always answers 200, for anything else would end the wait."
MADE = {"url": "https://media.example.com/1.jpg", "width": 1024, "height": 1024, "content_type": "image/jpeg"}
PICTURES = {
    "images": [MADE],
    "seed": 7,
    "timings": {"inference": 2.3},
    "has_nsfw_concepts": [False],
    "prompt": "SARAH on a boat",
    "warnings": [],
    "cost": 0.1,
    "request_id": EXAMPLE_ID,
    "generation_id": EXAMPLE_ID,
}
TRAINING = {"request_id": EXAMPLE_ID, "status": "in_progress", "progress": 42}
TUNE_AT_WORK = {
    "id": EXAMPLE_ID,
    "title": "Character: Sarah",
    "name": "woman",
    "branch": "flux1",
    "model_type": "lora",
    "created_at": "2026-11-22T12:00:00+00:00",
    "trained_at": None,
    "expires_at": None,
    "progress": 42,
    "mock": False,
}
PROMPT_AT_WORK = {
    "id": EXAMPLE_ID,
    "tune_id": EXAMPLE_ID,
    "text": "ohwx woman on a boat",
    "seed": 7,
    "num_images": 4,
    "images": [],
    "created_at": "2026-11-22T12:00:00+00:00",
    "warnings": [],
    "cost": None,
}
PROMPT = {"prompt": {"text": "Sarah on a boat", "num_images": 4}}

GENERATE_INSTANT = Route(
    method="POST",
    path="/api/fal-instant-character-proxy",
    function="proxy_fal_instant",
    tag=TAG,
    summary="Draw with Instant Character",
    description="The answer has the pictures.",
    request=InstantGeneration,
    example={"prompt": "Sarah on a boat", "reference_images": ["https://example.com/1.jpg"]},
    answers=_answers(PICTURES),
    codes=(*TAKEN_IN, *NOT_ORDERED, *GENERATED),
    for_typescript=True,
)
TRAIN_LORA = Route(
    method="POST",
    path="/api/fal-lora-training-proxy",
    function="proxy_fal_lora_train",
    tag=TAG,
    summary="Train a LoRA",
    description="The same order again finds the training that it began.",
    request=LoraTraining,
    example={"images_data_url": ["https://example.com/1.jpg"] * 5, "trigger_word": "SARAH"},
    answers=_answers(TRAINING),
    codes=(*TAKEN_IN, "being_started", "invalid_archive"),
    for_typescript=True,
)
SHOW_LORA_STATUS = Route(
    method="GET",
    path="/api/fal-lora-status-proxy",
    function="proxy_fal_lora_status",
    tag=TAG,
    summary="See how far a LoRA training is",
    description=ANSWERS_200,
    query=(Query(name="request_id", description="The id of a training", schema=AN_ID, required=True),),
    answers=_answers(TRAINING),
    for_typescript=True,
    accepts_prefer_wait=True,
)
GENERATE_LORA = Route(
    method="POST",
    path="/api/fal-lora-inference-proxy",
    function="proxy_fal_lora_generate",
    tag=TAG,
    summary="Draw with a LoRA",
    description="The answer has the pictures.",
    request=LoraGeneration,
    example={"prompt": "Sarah on a boat", "lora_url": "https://example.com/lora.safetensors"},
    answers=_answers(PICTURES),
    codes=(
        *NOT_ORDERED,
        *GENERATED,
        *PAID,
        "unknown_lora",
        "unreachable_lora",
        "forbidden_url",
        "forbidden_host",
        "unknown_host",
    ),
    for_typescript=True,
)
CREATE_TUNE = Route(
    method="POST",
    path="/api/astria/tunes",
    function="proxy_astria_create_tune",
    tag=TAG,
    summary="Train with Astria",
    description="The same order again finds the tune that it began.",
    request=CreateTune,
    example=TUNE,
    answers=_answers(TUNE_AT_WORK),
    codes=(*TAKEN_IN, "being_started"),
    for_typescript=True,
)
GET_TUNE = Route(
    method="GET",
    path="/api/astria/tunes/{tune_id}",
    function="proxy_astria_get_tune",
    tag=TAG,
    summary="See how far a tune is",
    description=ANSWERS_200,
    answers=_answers(TUNE_AT_WORK),
    for_typescript=True,
    accepts_prefer_wait=True,
)
CREATE_PROMPT = Route(
    method="POST",
    path="/api/astria/tunes/{tune_id}/prompts",
    function="proxy_astria_create_prompt",
    tag=TAG,
    summary="Order pictures of a tune",
    description="The pictures are had at the address of the prompt.",
    request=CreatePrompt,
    example=PROMPT,
    answers=_answers(PROMPT_AT_WORK),
    codes=(*NOT_ORDERED, *PAID),
    for_typescript=True,
)
GET_PROMPT = Route(
    method="GET",
    path="/api/astria/tunes/{tune_id}/prompts/{prompt_id}",
    function="proxy_astria_get_prompt",
    tag=TAG,
    summary="Get the pictures of a prompt",
    description=ANSWERS_200,
    answers=_answers(PROMPT_AT_WORK),
    for_typescript=True,
    accepts_prefer_wait=True,
)
ORDER_OF_ASTRIA = Route[Any](
    method="POST",
    path="/api/astria-proxy",
    function="proxy_astria",
    tag=TAG,
    summary="Train with Astria, or order pictures: action says which",
    description="As the routes of tunes and prompts, which have more to say.",
    schema={"type": "object"},
    example={"action": "create_tune", "payload": TUNE},
    answers=_answers(TUNE_AT_WORK),
    codes=(*TAKEN_IN, *NOT_ORDERED, "being_started", "unknown_action", "invalid_body"),
    for_typescript=True,
)
SHOW_OF_ASTRIA = Route(
    method="GET",
    path="/api/astria-proxy",
    function="proxy_astria",
    operation="proxy_astria_status",
    tag=TAG,
    summary="See how far a tune or a prompt is",
    description=ANSWERS_200,
    query=(
        Query(
            name="action",
            description="What to look at",
            schema={"type": "string", "enum": ["get_tune", "get_prompt"]},
            required=True,
        ),
        Query(name="tune_id", description="The id of a tune", schema=AN_ID, required=True),
        Query(name="prompt_id", description="The id of a prompt; for get_prompt", schema=AN_ID),
    ),
    answers=_answers(TUNE_AT_WORK),
    for_typescript=True,
    accepts_prefer_wait=True,
)

ROUTES: tuple[Route[Any], ...] = (
    GENERATE_INSTANT,
    TRAIN_LORA,
    SHOW_LORA_STATUS,
    GENERATE_LORA,
    CREATE_TUNE,
    GET_TUNE,
    CREATE_PROMPT,
    GET_PROMPT,
    ORDER_OF_ASTRIA,
    SHOW_OF_ASTRIA,
)
