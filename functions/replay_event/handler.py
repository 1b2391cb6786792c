"""POST /v1/events/{event_id}/replay: send one event to all of the caller's addresses again."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.api.resolver import answer, owner_of, rest_app
from character_identity.api.webhook_presenters import present_event

logger = Logger()
app = rest_app()


@app.post("/v1/events/<event_id>/replay")
def replay_event(event_id: str) -> Response[str]:
    event, deliveries = wiring.services().events.replay(owner_of(app), event_id)
    return answer(present_event(event, deliveries), 202, f"/v1/events/{event_id}")


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    return app.resolve(event, context)
