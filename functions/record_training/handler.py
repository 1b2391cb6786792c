"""Task of train_identity: write the outcome to the table."""

from character_identity.handlers.tasks import task
from character_identity.services.jobs.training import TrainingState

lambda_handler = task(TrainingState, lambda services, state: services.training_workflow.record(state))
