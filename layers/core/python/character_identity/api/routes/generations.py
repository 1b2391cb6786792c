"""Generations, and what a month has cost."""

from typing import get_args

from character_identity.api.route import SINCE, Answer, Query, Route, filter_by
from character_identity.api.schemas import (
    CreateGenerationRequest,
    ErasureReceiptResponse,
    EstimateResponse,
    GenerationResponse,
    ListGenerationsResponse,
    UsageResponse,
)
from character_identity.domain.errors import ErrorCode
from character_identity.domain.generation import GenerationStatus
from character_identity.domain.identity import ProviderName

NOT_ORDERED: tuple[ErrorCode, ...] = (
    "too_many_images",
    "identity_not_ready",
    "identity_failed",
    "unknown_identity",
)
"""What keeps pictures of an identity from being ordered."""
MONTH = "20[2-9][0-9]-(0[1-9]|1[0-2])"
"""The form of a month of this century, since there are budgets."""
PORTRAIT = {"prompt": "Sarah on a boat, soft light", "aspectRatio": "16:9", "numImages": 1}

CREATE_GENERATION = Route(
    method="POST",
    path="/v1/identities/{identity_id}/generations",
    function="create_generation",
    tag="Generations",
    summary="Generate pictures",
    description="Write the character's plain name in the prompt.",
    request=CreateGenerationRequest,
    example=PORTRAIT,
    answers={
        200: Answer(
            description="Done within the wait that was asked for", content=GenerationResponse, located=True
        ),
        202: Answer(description="Accepted", content=GenerationResponse, located=True),
    },
    codes=(*NOT_ORDERED, "budget_exceeded", "unknown_generation"),
    is_keyed=True,
    accepts_prefer_wait=True,
)
ESTIMATE_GENERATION = Route(
    method="POST",
    path="/v1/identities/{identity_id}/generations/estimate",
    function="estimate_generation",
    tag="Money",
    summary="Estimate what pictures cost",
    description="Nothing is ordered.",
    request=CreateGenerationRequest,
    example=PORTRAIT,
    answers={200: Answer(description="The estimate, beside the budget", content=EstimateResponse)},
    codes=NOT_ORDERED,
)
LIST_GENERATIONS = Route(
    method="GET",
    path="/v1/identities/{identity_id}/generations",
    function="list_generations",
    tag="Generations",
    summary="List the generations of an identity",
    description="In short; each one's own route has all of it.",
    query=(
        filter_by("status", get_args(GenerationStatus)),
        filter_by("provider", get_args(ProviderName)),
        SINCE,
    ),
    answers={200: Answer(description="A page, newest first", content=ListGenerationsResponse)},
    codes=("unknown_identity",),
    is_paged=True,
)
GET_GENERATION = Route(
    method="GET",
    path="/v1/generations/{generation_id}",
    function="get_generation",
    tag="Generations",
    summary="Get a generation",
    description="Scores fill a second or two after success; scoring says whether they have.",
    answers={200: Answer(description="The generation", content=GenerationResponse)},
    codes=("unknown_generation",),
    accepts_prefer_wait=True,
    is_conditional=True,
)
ERASE_GENERATION = Route(
    method="DELETE",
    path="/v1/generations/{generation_id}",
    function="erase_generation",
    tag="Generations",
    summary="Erase a generation",
    description="Its pictures and scores go with it, here and at the provider; one that runs is stopped. "
    "Repeated, it answers the receipt as it is by then.",
    answers={200: Answer(description="What was erased, and what remains", content=ErasureReceiptResponse)},
    codes=("unknown_generation",),
)
GET_USAGE = Route(
    method="GET",
    path="/v1/usage",
    function="get_usage",
    tag="Money",
    summary="See what was spent, and what is left",
    description="Months are those of the calendar in UTC.",
    query=(
        Query(
            name="month",
            description="A month of the calendar (UTC); this one if it is left out",
            schema={"type": "string", "pattern": f"^{MONTH}$", "examples": ["2026-11"]},
        ),
    ),
    answers={200: Answer(description="The month", content=UsageResponse)},
    codes=("invalid_month",),
)

ROUTES = (
    CREATE_GENERATION,
    ESTIMATE_GENERATION,
    LIST_GENERATIONS,
    GET_GENERATION,
    ERASE_GENERATION,
    GET_USAGE,
)
