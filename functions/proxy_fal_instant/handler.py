"""ANY /api/fal-instant-character-proxy: pictures by Instant Character, for the TypeScript client."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.resolver import compat_answer, compat_app, owner_of, parse_body
from character_identity.compat import responses
from character_identity.compat.requests import InstantGeneration

logger = Logger()
app = compat_app("POST")


@app.post("/api/fal-instant-character-proxy")
def generate() -> Response[str]:
    services = wiring.services()
    owner = owner_of(app)
    services.rate_limit.admit(owner)
    services.require_key("fal", "Fal.ai Instant Character")
    generation = services.compat.generate_instant(owner, parse_body(app, InstantGeneration))
    return compat_answer(responses.images(generation, services.bucket))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
