"""GET /v1/evaluations/{evaluation_id}: one evaluation, and how far it is."""

from character_identity.api.evaluation_presenters import present_evaluation
from character_identity.api.routes.evaluations import GET_EVALUATION
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(GET_EVALUATION)
def get_evaluation(services: Services, request: Request) -> Response:
    evaluation = services.evaluations.get(request.owner, request.path("evaluation_id"))
    return respond(request, present_evaluation(services.evaluations.progress(evaluation)))


lambda_handler = http_handler(get_evaluation)
