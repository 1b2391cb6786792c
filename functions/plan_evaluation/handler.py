"""Task of run_evaluation: list what is to be drawn."""

from character_identity.handlers.tasks import task
from character_identity.services.evaluations.workflow import EvaluationState

lambda_handler = task(EvaluationState, lambda services, state: services.evaluation_workflow.plan(state))
