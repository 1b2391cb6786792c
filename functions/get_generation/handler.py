"""GET /v1/generations/{generation_id}: one generation with its pictures and their scores."""

from character_identity.api.presenters import present_generation, present_place
from character_identity.api.routes.generations import GET_GENERATION
from character_identity.domain.job import job_id_of
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond


@endpoint(GET_GENERATION)
def get_generation(services: Services, request: Request) -> Response:
    generation_id = request.path("generation_id")
    scored = services.scored_generations.get(
        request.owner, generation_id, request.granted_wait_s or 0, for_scores=request.waits_for_scores
    )
    generation, queued = scored.generation, None
    if generation.status == "queued":
        job_id = job_id_of("generation", generation_id)
        queued = present_place(job_id, generation.provider, services.slot_table, services.now())
    return respond(request, present_generation(scored, services.bucket, queued))


lambda_handler = http_handler(get_generation)
