"""POST /v1/identities/{identity_id}/generations: order pictures of a ready identity."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.presenters import present_generation
from character_identity.api.resolver import (
    answer,
    granted_wait_s,
    idempotency_key,
    owner_of,
    parse_body,
    request_digest_of,
    rest_app,
)
from character_identity.api.schemas import CreateGenerationRequest
from character_identity.services.long_poll import wait_until_settled

logger = Logger()
app = rest_app()


@app.post("/v1/identities/<identity_id>/generations")
def create_generation(identity_id: str) -> Response[str]:
    services = wiring.services()
    owner = owner_of(app)
    services.rate_limit.admit(owner)
    request = parse_body(app, CreateGenerationRequest).model_dump(exclude_none=True)
    generation, replayed = services.idempotency.once(
        owner,
        idempotency_key(app),
        request_digest_of(app),
        find=lambda generation_id: services.generations.get(owner, generation_id),
        create=lambda generation_id: services.generations.create(owner, identity_id, request, generation_id),
    )
    generation_id, wait_s = generation.generation_id, granted_wait_s(app)
    if wait_s:
        generation = wait_until_settled(
            lambda: services.generations.get(owner, generation_id), wait_s, services.now, services.sleep
        )
    settled = generation.settled_at is not None
    scores = services.scores.scores_of(generation_id) if settled else {}
    return answer(
        present_generation(generation, scores, services.bucket),
        200 if settled and wait_s is not None else 202,
        f"/v1/generations/{generation_id}",
        replayed=replayed,
        waited_s=wait_s,
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
