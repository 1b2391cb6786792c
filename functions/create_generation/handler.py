"""POST /v1/identities/{identity_id}/generations: order pictures of a ready identity."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.http import answer, owner_of, parse_body, rest_app
from character_identity.presenters import present_generation
from character_identity.schemas import CreateGenerationRequest

logger = Logger()
app = rest_app()


@app.post("/v1/identities/<identity_id>/generations")
def create_generation(identity_id: str) -> Response[str]:
    request = parse_body(app, CreateGenerationRequest)
    services = wiring.services()
    generation = services.generations.create(
        owner_of(app), identity_id, request.model_dump(exclude_none=True)
    )
    location = f"/v1/generations/{generation.generation_id}"
    return answer(present_generation(generation, {}, services.bucket), 202, location)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
