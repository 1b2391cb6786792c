"""POST /v1/evaluations/{evaluation_id}/cancel: give an evaluation up."""

from character_identity.api.evaluation_presenters import present_evaluation
from character_identity.api.routes.evaluations import CANCEL_EVALUATION
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(CANCEL_EVALUATION)
def cancel_evaluation(services: Services, request: Request) -> Response:
    evaluation = services.evaluations.cancel(request.owner, request.path("evaluation_id"))
    return respond(request, present_evaluation(services.evaluations.progress(evaluation)))


lambda_handler = http_handler(cancel_evaluation)
