"""Task of train_identity: put the references where the provider reads them."""

from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity import wiring
from character_identity.services.jobs.training import TrainingState

logger = Logger()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    state = TrainingState.model_validate(event)
    return wiring.services().training_workflow.prepare(state).model_dump(mode="json")
