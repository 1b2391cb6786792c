"""Task of run_evaluation: see whether the pictures of a cell are there."""

from character_identity.handlers.tasks import task
from character_identity.services.evaluations.workflow import CellState

lambda_handler = task(CellState, lambda services, state: services.evaluation_workflow.check_cell(state))
