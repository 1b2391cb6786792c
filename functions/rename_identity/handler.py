"""PATCH /v1/identities/{identity_id}: call a character by another name."""

from character_identity.api.presenters import present_identity
from character_identity.api.routes.identities import RENAME_IDENTITY
from character_identity.api.schemas import RenameIdentityRequest
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(RENAME_IDENTITY)
def rename_identity(services: Services, request: Request[RenameIdentityRequest]) -> Response:
    name = request.body.name
    identity = services.identities.rename(request.owner, request.path("identity_id"), name)
    return respond(request, present_identity(identity, services.bucket))


lambda_handler = http_handler(rename_identity)
