"""POST /v1/identities/{identity_id}/cancel: give a training up."""

from character_identity.api.presenters import present_identity
from character_identity.api.routes.identities import CANCEL_IDENTITY
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(CANCEL_IDENTITY)
def cancel_identity(services: Services, request: Request) -> Response:
    identity = services.identities.cancel(request.owner, request.path("identity_id"))
    return respond(request, present_identity(identity, services.bucket))


lambda_handler = http_handler(cancel_identity)
