"""Task of run_evaluation: order the pictures of a cell."""

from character_identity.handlers.tasks import task
from character_identity.services.evaluations.cells import CellState

lambda_handler = task(CellState, lambda services, state: services.evaluation_cells.order(state))
