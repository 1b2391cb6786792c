"""POST /v1/identities/{identity_id}/generations: order pictures of a ready identity."""

import logging

from character_identity.api.presenters import present_generation
from character_identity.api.routes.generations import CREATE_GENERATION
from character_identity.api.schemas import CreateGenerationRequest
from character_identity.domain.generation import Generation
from character_identity.domain.scored_generation import ScoredGeneration
from character_identity.handlers.http import Request, Response, Services, endpoint, http_handler, respond

logger = logging.getLogger(__name__)


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
    waits = request.granted_wait_s is not None
    scored = _as_it_is_by_now(services, request, generation)
    return respond(
        request,
        present_generation(scored, services.bucket),
        status=200 if waits and scored.is_done(for_scores=request.waits_for_scores) else 202,
        location=f"/v1/generations/{generation.generation_id}",
        replayed=replayed,
    )


def _as_it_is_by_now(
    services: Services, request: Request[CreateGenerationRequest], accepted: Generation
) -> ScoredGeneration:
    """An order that was accepted, with its scores; as it was then where it cannot be read."""
    as_it_was = ScoredGeneration(accepted, services.now())
    if not request.granted_wait_s and accepted.settled_at is None:
        return as_it_was
    try:
        return services.scored_generations.get(
            accepted.owner,
            accepted.generation_id,
            request.granted_wait_s or 0,
            for_scores=request.waits_for_scores,
        )
    except Exception as exc:  # whatever it is: the order stands, and will be paid
        logger.warning("the accepted order could not be read", exc_info=exc)
        return as_it_was


lambda_handler = http_handler(create_generation)
