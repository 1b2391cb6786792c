"""GET /v1/identities/{identity_id}/generations: the generations of an identity, newest first."""

from character_identity.api.presenters import present_generation
from character_identity.api.request import Request
from character_identity.api.response import Response, respond
from character_identity.api.routes.generations import LIST_GENERATIONS
from character_identity.api.schemas import ListGenerationsResponse
from character_identity.handlers.http import endpoint, http_handler
from character_identity.wiring import Services


@endpoint(LIST_GENERATIONS)
def list_generations(services: Services, request: Request) -> Response:
    identity_id = request.path("identity_id")
    generations = services.generations.list(request.owner, identity_id)
    scores = services.scores.of_identity(identity_id)
    shown = [
        present_generation(each, scores.get(each.generation_id, {}), services.bucket) for each in generations
    ]
    return respond(request, ListGenerationsResponse(generations=shown))


lambda_handler = http_handler(list_generations)
