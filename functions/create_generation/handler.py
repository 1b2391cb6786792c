"""POST /v1/identities/{identity_id}/generations: order pictures of a ready identity."""

import logging

from character_identity.api.presenters import present_generation
from character_identity.api.request import Request
from character_identity.api.response import Response, respond
from character_identity.api.routes.generations import CREATE_GENERATION
from character_identity.api.schemas import CreateGenerationRequest
from character_identity.domain.generation import Generation
from character_identity.domain.score import NotScored, Score
from character_identity.handlers.http import endpoint, http_handler
from character_identity.services.long_poll import wait_until_settled
from character_identity.wiring import Services

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
    wait_s = request.granted_wait_s
    generation, scores = _as_it_is_by_now(services, generation, wait_s or 0)
    return respond(
        request,
        present_generation(generation, scores, services.bucket),
        status=200 if generation.settled_at is not None and wait_s is not None else 202,
        location=f"/v1/generations/{generation.generation_id}",
        replayed=replayed,
    )


def _as_it_is_by_now(
    services: Services, accepted: Generation, wait_s: float
) -> tuple[Generation, dict[int, list[Score | NotScored]]]:
    """An order that was accepted, with its scores; as it was then where it cannot be read."""
    generation, generation_id = accepted, accepted.generation_id
    try:
        if wait_s:
            generation = wait_until_settled(
                lambda: services.generations.get(accepted.owner, generation_id),
                wait_s,
                services.now,
                services.sleep,
            )
        return generation, services.scores.scores_of(generation_id) if generation.settled_at else {}
    except Exception as exc:  # whatever it is: the order stands, and will be paid
        logger.warning("the accepted order could not be read", exc_info=exc)
        return accepted, {}


lambda_handler = http_handler(create_generation)
