"""POST /v1/identities/{identity_id}/cancel: give a training up."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.presenters import present_identity
from character_identity.api.resolver import answer, owner_of, rest_app

logger = Logger()
app = rest_app()


@app.post("/v1/identities/<identity_id>/cancel")
def cancel_identity(identity_id: str) -> Response[str]:
    services = wiring.services()
    owner = owner_of(app)
    services.rate_limit.admit(owner)
    return answer(present_identity(services.identities.cancel(owner, identity_id), services.bucket))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
