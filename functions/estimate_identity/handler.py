"""POST /v1/identities/estimate: what creating an identity would cost; nothing is ordered."""

from character_identity.api.presenters import present_estimate
from character_identity.api.routes.identities import ESTIMATE_IDENTITY
from character_identity.api.schemas import EstimateIdentityRequest
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(ESTIMATE_IDENTITY)
def estimate_identity(services: Services, request: Request[EstimateIdentityRequest]) -> Response:
    return respond(request, present_estimate(services.identities.quote(request.owner, request.body.provider)))


lambda_handler = http_handler(estimate_identity)
