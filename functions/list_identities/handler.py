"""GET /v1/identities: the caller's identities, newest first."""

from character_identity.api.presenters import present_identity
from character_identity.api.request import Request
from character_identity.api.response import Response, respond
from character_identity.api.routes.identities import LIST_IDENTITIES
from character_identity.api.schemas import ListIdentitiesResponse
from character_identity.handlers.http import endpoint, http_handler
from character_identity.wiring import Services


@endpoint(LIST_IDENTITIES)
def list_identities(services: Services, request: Request) -> Response:
    shown = [present_identity(each, services.bucket) for each in services.identities.list(request.owner)]
    return respond(request, ListIdentitiesResponse(identities=shown))


lambda_handler = http_handler(list_identities)
