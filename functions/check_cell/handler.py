"""Task of run_evaluation: see whether the pictures of a cell are there."""

from character_identity.handlers.tasks import task
from character_identity.services.evaluations.cells import CellState

lambda_handler = task(CellState, lambda services, state: services.evaluation_cells.check(state))
