"""Evaluations: providers compared on one character."""

from typing import get_args

from character_identity.api.evaluation_schemas import (
    CreateEvaluationRequest,
    EstimateEvaluationResponse,
    EvaluationReceiptResponse,
    EvaluationResponse,
    ListEvaluationsResponse,
)
from character_identity.api.route import SINCE, Answer, Route, filter_by
from character_identity.api.routes.references import UPLOADED
from character_identity.domain.errors import ErrorCode, ReferenceCode
from character_identity.domain.evaluation import EvaluationStatus

SARAH = {
    "name": "Sarah",
    "className": "woman",
    "references": [UPLOADED],
    "providers": ["fal-instant", "fal-lora", "astria"],
    "scenarioSet": "specification",
    "variations": 3,
    "maxCostUsd": 25,
}
NOT_EVALUATED: tuple[ErrorCode, ...] = (
    "unknown_provider",
    "unknown_identity",
    "identity_failed",
    "too_few_references",
    "invalid_body",
)
"""What keeps a character from being evaluated."""

CREATE_EVALUATION = Route(
    method="POST",
    path="/v1/evaluations",
    function="create_evaluation",
    tag="Evaluations",
    summary="Compare providers on a character",
    description="Identities and pictures are made as by their own routes, and paid from what is set aside.",
    request=CreateEvaluationRequest,
    example=SARAH,
    answers={202: Answer(description="Accepted", content=EvaluationResponse, located=True)},
    codes=(
        *NOT_EVALUATED,
        *get_args(ReferenceCode),
        "max_cost_too_low",
        "budget_exceeded",
        "unknown_evaluation",  # an order that was erased
    ),
    is_keyed=True,
)
ESTIMATE_EVALUATION = Route(
    method="POST",
    path="/v1/evaluations/estimate",
    function="estimate_evaluation",
    tag="Money",
    summary="Estimate what an evaluation costs",
    description="Nothing is ordered, and references are not looked at.",
    request=CreateEvaluationRequest,
    example=SARAH,
    answers={200: Answer(description="The estimate by provider", content=EstimateEvaluationResponse)},
    codes=NOT_EVALUATED,
)
LIST_EVALUATIONS = Route(
    method="GET",
    path="/v1/evaluations",
    function="list_evaluations",
    tag="Evaluations",
    summary="List your evaluations",
    description="In short; each one's own route has all of it.",
    query=(filter_by("status", get_args(EvaluationStatus)), SINCE),
    answers={200: Answer(description="A page, newest first", content=ListEvaluationsResponse)},
    is_paged=True,
)
GET_EVALUATION = Route(
    method="GET",
    path="/v1/evaluations/{evaluation_id}",
    function="get_evaluation",
    tag="Evaluations",
    summary="Get an evaluation",
    description="With what is done and what it has cost by now, and links to the results once there are any.",
    answers={200: Answer(description="The evaluation, and how far it is", content=EvaluationResponse)},
    codes=("unknown_evaluation",),
    is_conditional=True,
)
CANCEL_EVALUATION = Route(
    method="POST",
    path="/v1/evaluations/{evaluation_id}/cancel",
    function="cancel_evaluation",
    tag="Evaluations",
    summary="Cancel an evaluation",
    description="What runs is stopped, the money that is left given back, and the results are made of what "
    "was drawn. One that has ended stays as it is.",
    answers={200: Answer(description="The evaluation", content=EvaluationResponse)},
    codes=("unknown_evaluation",),
)
ERASE_EVALUATION = Route(
    method="DELETE",
    path="/v1/evaluations/{evaluation_id}",
    function="erase_evaluation",
    tag="Evaluations",
    summary="Erase an evaluation",
    description="Its results, references and scores go; identities and generations stay. One that runs is to "
    "be cancelled first. Repeated, it answers the receipt as it is by then.",
    answers={200: Answer(description="What was erased, and what remains", content=EvaluationReceiptResponse)},
    codes=("unknown_evaluation", "evaluation_running"),
)
GET_EVALUATION_RESULT = Route(
    method="GET",
    path="/v1/evaluations/{evaluation_id}/{file}",
    function="get_evaluation_result",
    tag="Evaluations",
    summary="Get a result of an evaluation",
    description="The rows, the gallery, the report, or what they are made of. Links in them work for hours.",
    answers={
        200: Answer(description="The file", content="application/octet-stream", example="provider,scenario"),
        303: Answer(description="It is too large for an answer, and lies at Location", located=True),
    },
    codes=("unknown_evaluation", "unknown_result", "evaluation_not_completed"),
)

ROUTES = (
    CREATE_EVALUATION,
    ESTIMATE_EVALUATION,
    LIST_EVALUATIONS,
    GET_EVALUATION,
    CANCEL_EVALUATION,
    ERASE_EVALUATION,
    GET_EVALUATION_RESULT,
)
