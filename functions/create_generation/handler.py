"""POST /v1/identities/{identity_id}/generations: order pictures of a ready identity."""

from character_identity.api.presenters import present_generation
from character_identity.api.request import Request
from character_identity.api.response import Response, respond
from character_identity.api.routes.generations import CREATE_GENERATION
from character_identity.api.schemas import CreateGenerationRequest
from character_identity.handlers.http import endpoint, http_handler
from character_identity.services.long_poll import wait_until_settled
from character_identity.wiring import Services


@endpoint(CREATE_GENERATION)
def create_generation(services: Services, request: Request[CreateGenerationRequest]) -> Response:
    owner, identity_id = request.owner, request.path("identity_id")
    order = request.body.model_dump(exclude_none=True)
    generation, replayed = services.idempotency.once(
        owner,
        request.idempotency_key,
        request.digest,
        find=lambda generation_id: services.generations.get(owner, generation_id),
        create=lambda generation_id: services.generations.create(owner, identity_id, order, generation_id),
    )
    generation_id, wait_s = generation.generation_id, request.granted_wait_s
    if wait_s:
        generation = wait_until_settled(
            lambda: services.generations.get(owner, generation_id), wait_s, services.now, services.sleep
        )
    settled = generation.settled_at is not None
    scores = services.scores.scores_of(generation_id) if settled else {}
    return respond(
        request,
        present_generation(generation, scores, services.bucket),
        status=200 if settled and wait_s is not None else 202,
        location=f"/v1/generations/{generation_id}",
        replayed=replayed,
    )


lambda_handler = http_handler(create_generation)
