"""POST /v1/evaluations: compare providers on a character."""

import logging

from character_evaluation.scenarios import shipped
from character_identity.api.evaluation_presenters import present_evaluation
from character_identity.api.evaluation_schemas import CreateEvaluationRequest
from character_identity.api.routes.evaluations import CREATE_EVALUATION
from character_identity.domain.evaluation import Evaluation
from character_identity.domain.evaluation_progress import Progress
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond

logger = logging.getLogger(__name__)


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
        present_evaluation(_progress(services, evaluation, replayed=replayed)),
        location=f"/v1/evaluations/{evaluation.evaluation_id}",
        replayed=replayed,
    )


def _progress(services: Services, evaluation: Evaluation, *, replayed: bool) -> Progress:
    """How far an evaluation is; one that was just accepted, and cannot be read, has only begun."""
    try:
        return services.evaluations.progress(evaluation)
    except Exception as exc:  # whatever it is: the order stands, and its money is set aside
        if replayed:
            raise
        logger.warning("the accepted order could not be read", exc_info=exc)
        return Progress(evaluation, [], [], 0, 0)


lambda_handler = http_handler(create_evaluation)
