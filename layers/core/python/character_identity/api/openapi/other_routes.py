"""The other operations: of the compatibility door, the callbacks, and the document itself."""

from collections.abc import Mapping, Sequence
from typing import Any

from character_identity.api.openapi.codes import ADDRESS, BODY, IMAGES, REFERENCES
from character_identity.api.openapi.operation import Answer, Operation, Query

ANY_OBJECT = {"type": "object"}
TUNE_ID = Query(name="tune_id", description="The id of a tune", required=True)
PROMPT_ID = Query(name="prompt_id", description="The id of a prompt; for get_prompt")
ACTION = Query(
    name="action",
    description="What to look at",
    schema={"type": "string", "enum": ["get_tune", "get_prompt"]},
    required=True,
)
PAID = ("provider_not_configured", "budget_exceeded")
LORA = ("unknown_lora", "unreachable_lora", *ADDRESS)
TAKEN_IN = (*BODY, *REFERENCES, *PAID)
TRAINED = (*TAKEN_IN, "being_started")
GENERATED = ("filtered", "generation_failed", "still_running")
ORDERED = (*BODY, *IMAGES)

TUNE = {"tune": {"title": "Character: Sarah", "class": "woman", "images": ["https://example.com/1.jpg"] * 4}}
PROMPT = {"prompt": {"text": "Sarah on a boat", "num_images": 4}}


def _proxy(
    name: str,
    route: str,
    summary: str,
    *,
    example: Mapping[str, Any] | None = None,
    query: Sequence[Query] = (),
    codes: Sequence[str] = (),
    accepts_prefer_wait: bool = False,
) -> Operation:
    is_order = example is not None
    return Operation(
        name=name,
        route=route,
        tag="First client",
        summary=summary,
        request=ANY_OBJECT if is_order else None,
        example=example,
        query=query,
        answers={
            200: Answer(
                description="In the shape that the TypeScript client reads", content="application/json"
            )
        },
        codes=codes,
        errors="of the TypeScript client",
        is_limited=is_order,
        accepts_prefer_wait=accepts_prefer_wait,
    )


PROXIES = (
    _proxy(
        "proxy_fal_instant",
        "POST /api/fal-instant-character-proxy",
        "Draw with Instant Character",
        example={"prompt": "Sarah on a boat", "reference_images": ["https://example.com/1.jpg"]},
        codes=(*TAKEN_IN, *ORDERED, *GENERATED, "unknown_image_size", "method_not_allowed"),
    ),
    _proxy(
        "proxy_fal_lora_train",
        "POST /api/fal-lora-training-proxy",
        "Train a LoRA",
        example={"images_data_url": ["https://example.com/1.jpg"] * 5, "trigger_word": "SARAH"},
        codes=(*TRAINED, "invalid_archive", "method_not_allowed"),
    ),
    _proxy(
        "proxy_fal_lora_status",
        "GET /api/fal-lora-status-proxy",
        "See how far a LoRA training is",
        query=(Query(name="request_id", description="The id of a training", required=True),),
        codes=("method_not_allowed",),
        accepts_prefer_wait=True,
    ),
    _proxy(
        "proxy_fal_lora_generate",
        "POST /api/fal-lora-inference-proxy",
        "Draw with a LoRA",
        example={"prompt": "Sarah on a boat", "lora_url": "https://example.com/lora.safetensors"},
        codes=(*ORDERED, *GENERATED, *PAID, *LORA, "unknown_image_size", "method_not_allowed"),
    ),
    _proxy(
        "proxy_astria_create_tune",
        "POST /api/astria/tunes",
        "Train with Astria",
        example=TUNE,
        codes=TRAINED,
    ),
    _proxy(
        "proxy_astria_get_tune",
        "GET /api/astria/tunes/{tune_id}",
        "See how far a tune is",
        accepts_prefer_wait=True,
    ),
    _proxy(
        "proxy_astria_create_prompt",
        "POST /api/astria/tunes/{tune_id}/prompts",
        "Order pictures of a tune",
        example=PROMPT,
        codes=(*ORDERED, *PAID),
    ),
    _proxy(
        "proxy_astria_get_prompt",
        "GET /api/astria/tunes/{tune_id}/prompts/{prompt_id}",
        "Get the pictures of a prompt",
        accepts_prefer_wait=True,
    ),
    _proxy(
        "proxy_astria",
        "POST /api/astria-proxy",
        "Train with Astria, or order pictures: action says which",
        example={"action": "create_tune", "payload": TUNE},
        codes=(*TRAINED, *ORDERED, "unknown_action", "method_not_allowed"),
    ),
    _proxy(
        "proxy_astria_status",
        "GET /api/astria-proxy",
        "See how far a tune or a prompt is",
        query=(ACTION, TUNE_ID, PROMPT_ID),
        codes=("method_not_allowed",),
        accepts_prefer_wait=True,
    ),
)

HEARD = {
    200: Answer(description="Heard; what it says is looked up at the provider", content="application/json")
}
WEBHOOKS = (
    Operation(
        name="receive_fal_callback",
        route="POST /webhooks/fal",
        tag="Providers",
        summary="fal says that a job has ended",
        description="Signed by fal.",
        request=ANY_OBJECT,
        query=(
            Query(name="job", description="The id of the job", required=True),
            Query(name="token", description="The secret of the job", required=True),
        ),
        answers=HEARD,
        codes=(
            "malformed_body",
            "body_too_large",
            "invalid_signature",
            "unknown_callback",
            "provider_unavailable",
        ),
        is_open=True,
    ),
    Operation(
        name="receive_astria_callback",
        route="POST /webhooks/astria/{token}",
        tag="Providers",
        summary="Astria says that a job has ended",
        description="Nobody guesses the token.",
        request=ANY_OBJECT,
        answers=HEARD,
        codes=("malformed_body", "unknown_callback"),
        is_open=True,
    ),
)

DOCUMENTS = (
    Operation(
        name="show_openapi",
        route="GET /openapi.json",
        tag="Documents",
        summary="Get this document",
        answers={200: Answer(description="OpenAPI 3.1", content="application/json")},
        is_open=True,
    ),
    Operation(
        name="show_docs",
        route="GET /docs",
        tag="Documents",
        summary="Get a page to try the API on",
        answers={200: Answer(description="A page without scripts of others", content="text/html")},
        is_open=True,
    ),
)

OTHER_ROUTES = (*PROXIES, *WEBHOOKS, *DOCUMENTS)
