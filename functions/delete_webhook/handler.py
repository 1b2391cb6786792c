"""DELETE /v1/webhooks/{endpoint_id}: forget one of the caller's addresses."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.resolver import owner_of, rest_app

logger = Logger()
app = rest_app()


@app.delete("/v1/webhooks/<endpoint_id>")
def delete_webhook(endpoint_id: str) -> Response[str]:
    wiring.services().endpoints.remove(owner_of(app), endpoint_id)
    return Response(status_code=204, body="")


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
