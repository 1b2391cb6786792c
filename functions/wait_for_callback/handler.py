"""Task of both state machines, with a task token: wait until a provider calls back, or the time is up."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    wiring.services().callbacks.wait(event["state"]["job_id"], event["wake_token"])
