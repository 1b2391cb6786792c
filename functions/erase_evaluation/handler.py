"""DELETE /v1/evaluations/{evaluation_id}: erase an evaluation that has ended."""

from character_identity.api.evaluation_presenters import present_evaluation_receipt
from character_identity.api.routes.evaluations import ERASE_EVALUATION
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(ERASE_EVALUATION)
def erase_evaluation(services: Services, request: Request) -> Response:
    receipt = services.evaluation_erasure.erase(request.owner, request.path("evaluation_id"))
    return respond(request, present_evaluation_receipt(receipt))


lambda_handler = http_handler(erase_evaluation)
