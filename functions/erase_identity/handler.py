"""DELETE /v1/identities/{identity_id}: erase an identity and all that was made of it."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.presenters import present_receipt
from character_identity.api.resolver import answer, owner_of, rest_app

logger = Logger()
app = rest_app()


@app.delete("/v1/identities/<identity_id>")
def erase_identity(identity_id: str) -> Response[str]:
    services = wiring.services()
    owner = owner_of(app)
    services.rate_limit.admit(owner)
    return answer(present_receipt(services.erasure.erase(owner, identity_id)))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
