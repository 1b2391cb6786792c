"""DELETE /v1/generations/{generation_id}: erase one generation, whatever is under way."""

from character_identity.api.presenters import present_receipt
from character_identity.api.routes.generations import ERASE_GENERATION
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(ERASE_GENERATION)
def erase_generation(services: Services, request: Request) -> Response:
    receipt = services.erasure.erase_generation(request.owner, request.path("generation_id"))
    return respond(request, present_receipt(receipt))


lambda_handler = http_handler(erase_generation)
