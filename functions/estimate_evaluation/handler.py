"""POST /v1/evaluations/estimate: what comparing providers would cost; nothing is ordered."""

from character_evaluation.scenarios import shipped
from character_identity.api.evaluation_presenters import present_evaluation_estimate
from character_identity.api.evaluation_schemas import CreateEvaluationRequest
from character_identity.api.routes.evaluations import ESTIMATE_EVALUATION
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(ESTIMATE_EVALUATION)
def estimate_evaluation(services: Services, request: Request[CreateEvaluationRequest]) -> Response:
    quoted = services.evaluations.quote(request.owner, request.body.with_scenarios(shipped))
    return respond(request, present_evaluation_estimate(quoted))


lambda_handler = http_handler(estimate_evaluation)
