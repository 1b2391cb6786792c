"""The operations of our own API."""

from character_identity.api.openapi.codes import ADDRESS, BODY, IMAGES, REFERENCES
from character_identity.api.openapi.operation import Answer, Operation, Query
from character_identity.api.schemas import (
    CheckReferencesRequest,
    CheckReferencesResponse,
    CreateGenerationRequest,
    CreateIdentityRequest,
    CreateReferencesRequest,
    CreateReferencesResponse,
    ErasureReceiptResponse,
    EstimateIdentityRequest,
    EstimateResponse,
    GenerationResponse,
    IdentityResponse,
    ListGenerationsResponse,
    ListIdentitiesResponse,
    ListProvidersResponse,
    UsageResponse,
)
from character_identity.api.webhook_schemas import (
    CreateWebhookRequest,
    CreateWebhookResponse,
    EventResponse,
    ListWebhooksResponse,
)

UPLOADED = "uploads/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef.jpg"
IDENTITY = {"name": "Sarah", "provider": "fal-instant", "references": [UPLOADED], "className": "woman"}
PORTRAIT = {"prompt": "Sarah on a boat, soft light", "aspectRatio": "16:9", "numImages": 1}

REFERENCE_ROUTES = (
    Operation(
        name="create_references",
        route="POST /v1/references",
        tag="References",
        summary="Get upload tickets",
        description="Send each file as a multipart form to its url: all fields first, then file. "
        "The key is then a reference.",
        request=CreateReferencesRequest,
        example={"files": [{"name": "a.jpg", "contentType": "image/jpeg", "sizeBytes": 123456}]},
        answers={201: Answer(description="The tickets, in the same order", content=CreateReferencesResponse)},
        codes=(*BODY, "unsupported_image_format", "image_too_large"),
        is_limited=True,
    ),
    Operation(
        name="check_references",
        route="POST /v1/references/check",
        tag="References",
        summary="Check reference images",
        description="Free, and nothing is stored. With a provider its limits count too.",
        request=CheckReferencesRequest,
        example={"references": [UPLOADED], "provider": "fal-instant"},
        answers={200: Answer(description="What was found, errors first", content=CheckReferencesResponse)},
        codes=(*BODY, "unknown_provider"),
        is_limited=True,
    ),
)

IDENTITY_ROUTES = (
    Operation(
        name="list_providers",
        route="GET /v1/providers",
        tag="Identities",
        summary="List the providers",
        answers={
            200: Answer(description="Limits, and prices with their source", content=ListProvidersResponse)
        },
    ),
    Operation(
        name="create_identity",
        route="POST /v1/identities",
        tag="Identities",
        summary="Create an identity",
        description="References are https links or the keys of uploads. mainReference is one of them.",
        request=CreateIdentityRequest,
        example=IDENTITY,
        answers={
            201: Answer(description="Ready at once", content=IdentityResponse, located=True),
            202: Answer(description="In training", content=IdentityResponse, located=True),
        },
        codes=(*BODY, *REFERENCES, "budget_exceeded", "unknown_identity"),  # an order that was erased
        is_keyed=True,
        is_limited=True,
    ),
    Operation(
        name="estimate_identity",
        route="POST /v1/identities/estimate",
        tag="Money",
        summary="Estimate what an identity costs",
        description="Nothing is ordered, and the references may be left out.",
        request=EstimateIdentityRequest,
        example={"name": "Sarah", "provider": "fal-lora"},
        answers={200: Answer(description="The estimate, beside the budget", content=EstimateResponse)},
        codes=(*BODY, "unknown_provider"),
        is_limited=True,
    ),
    Operation(
        name="list_identities",
        route="GET /v1/identities",
        tag="Identities",
        summary="List your identities",
        answers={200: Answer(description="Newest first", content=ListIdentitiesResponse)},
    ),
    Operation(
        name="get_identity",
        route="GET /v1/identities/{identity_id}",
        tag="Identities",
        summary="Get an identity",
        answers={200: Answer(description="The identity", content=IdentityResponse)},
        codes=("unknown_identity",),
        accepts_prefer_wait=True,
    ),
    Operation(
        name="erase_identity",
        route="DELETE /v1/identities/{identity_id}",
        tag="Identities",
        summary="Erase an identity",
        description="Its references, weights, pictures and scores go with it, whatever is under way. "
        "Repeated, it answers the receipt as it is by then.",
        answers={
            200: Answer(description="What was erased, and what remains", content=ErasureReceiptResponse)
        },
        codes=("unknown_identity",),
        is_limited=True,
    ),
    Operation(
        name="cancel_identity",
        route="POST /v1/identities/{identity_id}/cancel",
        tag="Identities",
        summary="Cancel a training",
        description="An identity whose training has ended stays as it is.",
        answers={200: Answer(description="The identity", content=IdentityResponse)},
        codes=("unknown_identity",),
        is_limited=True,
    ),
)

GENERATION_ROUTES = (
    Operation(
        name="create_generation",
        route="POST /v1/identities/{identity_id}/generations",
        tag="Generations",
        summary="Generate pictures",
        description="Write the character's plain name in the prompt.",
        request=CreateGenerationRequest,
        example=PORTRAIT,
        answers={
            200: Answer(
                description="Settled within the wait that was asked for",
                content=GenerationResponse,
                located=True,
            ),
            202: Answer(description="Accepted", content=GenerationResponse, located=True),
        },
        codes=(*BODY, *IMAGES, "budget_exceeded", "unknown_generation"),
        is_keyed=True,
        is_limited=True,
        accepts_prefer_wait=True,
    ),
    Operation(
        name="estimate_generation",
        route="POST /v1/identities/{identity_id}/generations/estimate",
        tag="Money",
        summary="Estimate what pictures cost",
        description="Nothing is ordered.",
        request=CreateGenerationRequest,
        example=PORTRAIT,
        answers={200: Answer(description="The estimate, beside the budget", content=EstimateResponse)},
        codes=(*BODY, *IMAGES),
        is_limited=True,
    ),
    Operation(
        name="list_generations",
        route="GET /v1/identities/{identity_id}/generations",
        tag="Generations",
        summary="List the generations of an identity",
        answers={200: Answer(description="Newest first", content=ListGenerationsResponse)},
        codes=("unknown_identity",),
    ),
    Operation(
        name="get_generation",
        route="GET /v1/generations/{generation_id}",
        tag="Generations",
        summary="Get a generation",
        description="Scores fill a second or two after success.",
        answers={200: Answer(description="The generation", content=GenerationResponse)},
        codes=("unknown_generation",),
        accepts_prefer_wait=True,
    ),
    Operation(
        name="get_usage",
        route="GET /v1/usage",
        tag="Money",
        summary="See what was spent, and what is left",
        query=(
            Query(
                name="month",
                description="A month of the calendar (UTC); this one if it is left out",
                schema={"type": "string", "pattern": r"^\d{4}-\d{2}$", "examples": ["2026-11"]},
            ),
        ),
        answers={200: Answer(description="The month", content=UsageResponse)},
        codes=("invalid_month",),
    ),
)

EVENT_ROUTES = (
    Operation(
        name="create_webhook",
        route="POST /v1/webhooks",
        tag="Events",
        summary="Register a webhook",
        description="The address must be https and public. The secret is shown this once.",
        request=CreateWebhookRequest,
        example={"url": "https://hooks.example.com/characters"},
        answers={201: Answer(description="The webhook with its secret", content=CreateWebhookResponse)},
        codes=(*BODY, *ADDRESS, "too_many_webhooks"),
    ),
    Operation(
        name="list_webhooks",
        route="GET /v1/webhooks",
        tag="Events",
        summary="List your webhooks",
        answers={200: Answer(description="Oldest first, without secrets", content=ListWebhooksResponse)},
    ),
    Operation(
        name="delete_webhook",
        route="DELETE /v1/webhooks/{endpoint_id}",
        tag="Events",
        summary="Remove a webhook",
        answers={204: Answer(description="It is gone")},
        codes=("unknown_webhook",),
    ),
    Operation(
        name="get_event",
        route="GET /v1/events/{event_id}",
        tag="Events",
        summary="Get an event",
        answers={200: Answer(description="The event and its deliveries", content=EventResponse)},
        codes=("unknown_event",),
    ),
    Operation(
        name="replay_event",
        route="POST /v1/events/{event_id}/replay",
        tag="Events",
        summary="Send an event again",
        answers={202: Answer(description="Due at all of your webhooks", content=EventResponse, located=True)},
        codes=("unknown_event",),
    ),
)

OUR_ROUTES = (*REFERENCE_ROUTES, *IDENTITY_ROUTES, *GENERATION_ROUTES, *EVENT_ROUTES)
