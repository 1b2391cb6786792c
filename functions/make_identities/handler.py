"""Task of run_evaluation: order the identities that are to be made."""

from character_identity.handlers.tasks import task
from character_identity.services.evaluations.workflow import EvaluationState

lambda_handler = task(
    EvaluationState, lambda services, state: services.evaluation_workflow.make_identities(state)
)
