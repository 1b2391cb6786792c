"""The addresses of the TypeScript client."""

from typing import Any, get_args

from character_identity.api.route import AN_ID, Answer, Query, Route
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
ANSWERS = {
    200: Answer(description="In the shape that the TypeScript client reads", content="application/json")
}
PAID: tuple[ErrorCode, ...] = ("provider_not_configured", "budget_exceeded")
TAKEN_IN: tuple[ErrorCode, ...] = (*get_args(ReferenceCode), "unknown_provider", *PAID)
GENERATED: tuple[ErrorCode, ...] = ("filtered", "generation_failed", "still_running", "unknown_image_size")
TUNE = {"tune": {"title": "Character: Sarah", "class": "woman", "images": ["https://example.com/1.jpg"] * 4}}
PROMPT = {"prompt": {"text": "Sarah on a boat", "num_images": 4}}

GENERATE_INSTANT = Route(
    method="POST",
    path="/api/fal-instant-character-proxy",
    function="proxy_fal_instant",
    tag=TAG,
    summary="Draw with Instant Character",
    request=InstantGeneration,
    example={"prompt": "Sarah on a boat", "reference_images": ["https://example.com/1.jpg"]},
    answers=ANSWERS,
    codes=(*TAKEN_IN, *NOT_ORDERED, *GENERATED),
    for_typescript=True,
)
TRAIN_LORA = Route(
    method="POST",
    path="/api/fal-lora-training-proxy",
    function="proxy_fal_lora_train",
    tag=TAG,
    summary="Train a LoRA",
    request=LoraTraining,
    example={"images_data_url": ["https://example.com/1.jpg"] * 5, "trigger_word": "SARAH"},
    answers=ANSWERS,
    codes=(*TAKEN_IN, "being_started", "invalid_archive"),
    for_typescript=True,
)
SHOW_LORA_STATUS = Route(
    method="GET",
    path="/api/fal-lora-status-proxy",
    function="proxy_fal_lora_status",
    tag=TAG,
    summary="See how far a LoRA training is",
    query=(Query(name="request_id", description="The id of a training", schema=AN_ID, required=True),),
    answers=ANSWERS,
    for_typescript=True,
    accepts_prefer_wait=True,
)
GENERATE_LORA = Route(
    method="POST",
    path="/api/fal-lora-inference-proxy",
    function="proxy_fal_lora_generate",
    tag=TAG,
    summary="Draw with a LoRA",
    request=LoraGeneration,
    example={"prompt": "Sarah on a boat", "lora_url": "https://example.com/lora.safetensors"},
    answers=ANSWERS,
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
    request=CreateTune,
    example=TUNE,
    answers=ANSWERS,
    codes=(*TAKEN_IN, "being_started"),
    for_typescript=True,
)
GET_TUNE = Route(
    method="GET",
    path="/api/astria/tunes/{tune_id}",
    function="proxy_astria_get_tune",
    tag=TAG,
    summary="See how far a tune is",
    answers=ANSWERS,
    for_typescript=True,
    accepts_prefer_wait=True,
)
CREATE_PROMPT = Route(
    method="POST",
    path="/api/astria/tunes/{tune_id}/prompts",
    function="proxy_astria_create_prompt",
    tag=TAG,
    summary="Order pictures of a tune",
    request=CreatePrompt,
    example=PROMPT,
    answers=ANSWERS,
    codes=(*NOT_ORDERED, *PAID),
    for_typescript=True,
)
GET_PROMPT = Route(
    method="GET",
    path="/api/astria/tunes/{tune_id}/prompts/{prompt_id}",
    function="proxy_astria_get_prompt",
    tag=TAG,
    summary="Get the pictures of a prompt",
    answers=ANSWERS,
    for_typescript=True,
    accepts_prefer_wait=True,
)
ORDER_OF_ASTRIA = Route[Any](
    method="POST",
    path="/api/astria-proxy",
    function="proxy_astria",
    tag=TAG,
    summary="Train with Astria, or order pictures: action says which",
    schema={"type": "object"},
    example={"action": "create_tune", "payload": TUNE},
    answers=ANSWERS,
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
    answers=ANSWERS,
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
