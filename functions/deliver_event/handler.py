"""EventBridge, when one of our events was published or has deliveries that are due: send its webhooks."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    wiring.services().deliveries.deliver(event["detail"]["id"])
