"""Providers and identities."""

from typing import get_args

from character_identity.api.route import SINCE, Answer, Route, filter_by
from character_identity.api.routes.references import UPLOADED
from character_identity.api.schemas import (
    CreateIdentityRequest,
    ErasureReceiptResponse,
    EstimateIdentityRequest,
    EstimateResponse,
    IdentityResponse,
    ListIdentitiesResponse,
    ListProvidersResponse,
    RenameIdentityRequest,
)
from character_identity.domain.errors import ReferenceCode
from character_identity.domain.identity import IdentityStatus, ProviderName

IDENTITY = {"name": "Sarah", "provider": "fal-instant", "references": [UPLOADED], "className": "woman"}

LIST_PROVIDERS = Route(
    method="GET",
    path="/v1/providers",
    function="list_providers",
    tag="Identities",
    summary="List the providers",
    description="The same for everybody.",
    answers={200: Answer(description="Limits, and prices with their source", content=ListProvidersResponse)},
    is_static=True,
)
CREATE_IDENTITY = Route(
    method="POST",
    path="/v1/identities",
    function="create_identity",
    tag="Identities",
    summary="Create an identity",
    description="References are https links or the keys of uploads. mainReference is one of them.",
    request=CreateIdentityRequest,
    example=IDENTITY,
    answers={
        201: Answer(description="Ready at once", content=IdentityResponse, located=True),
        202: Answer(description="In training", content=IdentityResponse, located=True),
    },
    codes=(
        "unknown_provider",
        *get_args(ReferenceCode),
        "budget_exceeded",
        "too_many_identities",
        "unknown_identity",  # an order that was erased
    ),
    is_keyed=True,
)
ESTIMATE_IDENTITY = Route(
    method="POST",
    path="/v1/identities/estimate",
    function="estimate_identity",
    tag="Money",
    summary="Estimate what an identity costs",
    description="Nothing is ordered, and the references may be left out.",
    request=EstimateIdentityRequest,
    example={"name": "Sarah", "provider": "fal-lora"},
    answers={200: Answer(description="The estimate, beside the budget", content=EstimateResponse)},
    codes=("unknown_provider",),
)
LIST_IDENTITIES = Route(
    method="GET",
    path="/v1/identities",
    function="list_identities",
    tag="Identities",
    summary="List your identities",
    description="In short; each one's own route has all of it.",
    query=(
        filter_by("status", get_args(IdentityStatus)),
        filter_by("provider", get_args(ProviderName)),
        SINCE,
    ),
    answers={200: Answer(description="A page, newest first", content=ListIdentitiesResponse)},
    is_paged=True,
)
GET_IDENTITY = Route(
    method="GET",
    path="/v1/identities/{identity_id}",
    function="get_identity",
    tag="Identities",
    summary="Get an identity",
    description="As it is now, with links that work for some hours.",
    answers={200: Answer(description="The identity", content=IdentityResponse)},
    codes=("unknown_identity",),
    accepts_prefer_wait=True,
    is_conditional=True,
)
RENAME_IDENTITY = Route(
    method="PATCH",
    path="/v1/identities/{identity_id}",
    function="rename_identity",
    tag="Identities",
    summary="Rename an identity",
    description="Prompts name the character so from now on. Its trigger word, its class and what was ordered "
    "before stay as they are.",
    request=RenameIdentityRequest,
    example={"name": "Sarah Connor"},
    answers={200: Answer(description="The identity", content=IdentityResponse)},
    codes=("unknown_identity",),
)
ERASE_IDENTITY = Route(
    method="DELETE",
    path="/v1/identities/{identity_id}",
    function="erase_identity",
    tag="Identities",
    summary="Erase an identity",
    description="Its references, weights, pictures and scores go with it, whatever is under way. "
    "Repeated, it answers the receipt as it is by then.",
    answers={200: Answer(description="What was erased, and what remains", content=ErasureReceiptResponse)},
    codes=("unknown_identity",),
)
CANCEL_IDENTITY = Route(
    method="POST",
    path="/v1/identities/{identity_id}/cancel",
    function="cancel_identity",
    tag="Identities",
    summary="Cancel a training",
    description="An identity whose training has ended stays as it is.",
    answers={200: Answer(description="The identity", content=IdentityResponse)},
    codes=("unknown_identity",),
)

ROUTES = (
    LIST_PROVIDERS,
    CREATE_IDENTITY,
    ESTIMATE_IDENTITY,
    LIST_IDENTITIES,
    GET_IDENTITY,
    RENAME_IDENTITY,
    ERASE_IDENTITY,
    CANCEL_IDENTITY,
)
