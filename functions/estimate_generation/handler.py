"""POST /v1/identities/{identity_id}/generations/estimate: what pictures would cost; nothing is ordered."""

from character_identity.api.presenters import present_estimate
from character_identity.api.routes.generations import ESTIMATE_GENERATION
from character_identity.api.schemas import CreateGenerationRequest
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(ESTIMATE_GENERATION)
def estimate_generation(services: Services, request: Request[CreateGenerationRequest]) -> Response:
    order = request.body.model_dump(exclude_none=True)
    quote = services.generations.quote(request.owner, request.path("identity_id"), order)
    return respond(request, present_estimate(quote))


lambda_handler = http_handler(estimate_generation)
