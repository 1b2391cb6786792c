"""GET /v1/identities/{identity_id}: one identity, with the progress of its training."""

from character_identity.api.presenters import present_identity
from character_identity.api.request import Request
from character_identity.api.response import Response, respond
from character_identity.api.routes.identities import GET_IDENTITY
from character_identity.handlers.http import endpoint, http_handler
from character_identity.services.long_poll import wait_until_settled
from character_identity.wiring import Services


@endpoint(GET_IDENTITY)
def get_identity(services: Services, request: Request) -> Response:
    identity = wait_until_settled(
        lambda: services.identities.get(request.owner, request.path("identity_id")),
        request.granted_wait_s or 0,
        services.now,
        services.sleep,
    )
    return respond(request, present_identity(identity, services.bucket))


lambda_handler = http_handler(get_identity)
