"""Task of generate_images: write the outcome to the table."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.services.jobs.generation import GenerationState

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    state = GenerationState.model_validate(event)
    return wiring.services().generation_workflow.record(state).model_dump(mode="json")
