"""Task of both state machines, with a task token: wait until a provider calls back, or the time is up."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.domain.job import generation_job_id, training_job_id

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    state = event["state"]
    trains = "identity_id" in state
    job_id = training_job_id(state["identity_id"]) if trains else generation_job_id(state["generation_id"])
    wiring.services().callbacks.wait(job_id, event["wake_token"])
