"""GET /v1/identities/{identity_id}/generations: an identity's generations, newest first, page by page."""

from character_identity.api.listing import fill_page, window_of
from character_identity.api.presenters import summarise_generation
from character_identity.api.routes.generations import LIST_GENERATIONS
from character_identity.api.schemas import GenerationSummary, ListGenerationsResponse
from character_identity.domain.generation import Generation
from character_identity.domain.scored_generation import ScoredGeneration
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(LIST_GENERATIONS)
def list_generations(services: Services, request: Request) -> Response:
    page = services.generations.list(request.owner, request.path("identity_id"), window_of(request))
    images = {each.generation_id: each.shown.index for each in page.entries if each.shown}
    outcomes = services.scores.by_clip(images)

    def summarise(generation: Generation) -> GenerationSummary:
        outcome = outcomes.get(generation.generation_id)
        found = {generation.shown.index: [outcome]} if generation.shown and outcome else {}
        scored = ScoredGeneration(generation, services.now(), found)
        return summarise_generation(scored, services.bucket)

    shown, cursor = fill_page(request, page, summarise)
    return respond(request, ListGenerationsResponse(generations=shown, next_cursor=cursor))


lambda_handler = http_handler(list_generations)
