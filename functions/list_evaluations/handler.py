"""GET /v1/evaluations: an owner's evaluations, newest first, page by page."""

from character_identity.api.evaluation_presenters import summarise_evaluation
from character_identity.api.evaluation_schemas import ListEvaluationsResponse
from character_identity.api.listing import fill_page, window_of
from character_identity.api.routes.evaluations import LIST_EVALUATIONS
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(LIST_EVALUATIONS)
def list_evaluations(services: Services, request: Request) -> Response:
    page = services.evaluations.list(request.owner, window_of(request))
    shown, cursor = fill_page(request, page, summarise_evaluation)
    return respond(request, ListEvaluationsResponse(evaluations=shown, next_cursor=cursor))


lambda_handler = http_handler(list_evaluations)
