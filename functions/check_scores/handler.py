"""Task of run_evaluation: see whether the pictures have their scores."""

from character_identity.handlers.tasks import task
from character_identity.services.evaluations.workflow import EvaluationState

lambda_handler = task(
    EvaluationState, lambda services, state: services.evaluation_workflow.check_scores(state)
)
