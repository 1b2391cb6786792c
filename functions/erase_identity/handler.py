"""DELETE /v1/identities/{identity_id}: erase an identity and all that was made of it."""

from character_identity.api.presenters import present_receipt
from character_identity.api.routes.identities import ERASE_IDENTITY
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(ERASE_IDENTITY)
def erase_identity(services: Services, request: Request) -> Response:
    receipt = services.erasure.erase(request.owner, request.path("identity_id"))
    return respond(request, present_receipt(receipt))


lambda_handler = http_handler(erase_identity)
