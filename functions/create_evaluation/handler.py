"""POST /v1/evaluations: compare providers on a character."""

from character_evaluation.scenarios import shipped
from character_identity.api.evaluation_presenters import present_evaluation
from character_identity.api.evaluation_schemas import CreateEvaluationRequest
from character_identity.api.request import Request
from character_identity.api.response import Response, respond
from character_identity.api.routes.evaluations import CREATE_EVALUATION
from character_identity.handlers.http import endpoint, http_handler
from character_identity.wiring import Services


@endpoint(CREATE_EVALUATION)
def create_evaluation(services: Services, request: Request[CreateEvaluationRequest]) -> Response:
    owner, asked = request.owner, request.body.with_scenarios(shipped)
    evaluation, replayed = services.idempotency.once(
        owner,
        request.idempotency_key,
        request.digest,
        find=lambda evaluation_id: services.evaluations.get(owner, evaluation_id),
        create=lambda evaluation_id: services.evaluations.create(owner, asked, evaluation_id),
    )
    return respond(
        request,
        present_evaluation(services.evaluations.progress(evaluation)),
        location=f"/v1/evaluations/{evaluation.evaluation_id}",
        replayed=replayed,
    )


lambda_handler = http_handler(create_evaluation)
