"""Task of run_evaluation: record the outcome and give back the money that is left."""

from character_identity.handlers.tasks import task
from character_identity.services.evaluations.workflow import EvaluationState

lambda_handler = task(EvaluationState, lambda services, state: services.evaluation_workflow.record(state))
