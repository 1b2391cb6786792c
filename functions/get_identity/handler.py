"""GET /v1/identities/{identity_id}: one identity."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.presenters import present_identity
from character_identity.api.resolver import answer, granted_wait_s, owner_of, rest_app
from character_identity.services.long_poll import wait_until_settled

logger = Logger()
app = rest_app()


@app.get("/v1/identities/<identity_id>")
def get_identity(identity_id: str) -> Response[str]:
    services = wiring.services()
    owner, wait_s = owner_of(app), granted_wait_s(app)
    identity = wait_until_settled(
        lambda: services.identities.get(owner, identity_id), wait_s or 0, services.now, services.sleep
    )
    return answer(present_identity(identity, services.bucket), waited_s=wait_s)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
