"""GET /v1/identities: the caller's identities, newest first, page by page."""

from character_identity.api.listing import fill_page, window_of
from character_identity.api.presenters import summarise_identity
from character_identity.api.routes.identities import LIST_IDENTITIES
from character_identity.api.schemas import ListIdentitiesResponse
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(LIST_IDENTITIES)
def list_identities(services: Services, request: Request) -> Response:
    page = services.identities.list(request.owner, window_of(request))
    shown, cursor = fill_page(request, page, lambda each: summarise_identity(each, services.bucket))
    return respond(request, ListIdentitiesResponse(identities=shown, next_cursor=cursor))


lambda_handler = http_handler(list_identities)
