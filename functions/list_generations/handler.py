"""GET /v1/identities/{identity_id}/generations: all of an identity's generations, newest first."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.presenters import present_generation
from character_identity.api.resolver import answer, owner_of, rest_app
from character_identity.api.schemas import ListGenerationsResponse

logger = Logger()
app = rest_app()


@app.get("/v1/identities/<identity_id>/generations")
def list_generations(identity_id: str) -> Response[str]:
    services = wiring.services()
    generations = services.generations.list(owner_of(app), identity_id)
    scores = services.scores.of_identity(identity_id)
    shown = [
        present_generation(each, scores.get(each.generation_id, {}), services.bucket) for each in generations
    ]
    return answer(ListGenerationsResponse(generations=shown))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
