"""Task of both state machines, with a task token: wait until a provider calls back, or the time is up."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.domain.job import job_id_of

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    state = event["state"]
    kind, subject = ("training", "identity_id") if "identity_id" in state else ("generation", "generation_id")
    job_id = job_id_of(kind, state[subject])
    wiring.services().callbacks.wait(job_id, event["wake_token"])
