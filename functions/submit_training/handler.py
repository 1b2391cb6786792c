"""Task of train_identity: order the training, once."""

from character_identity.handlers.tasks import task
from character_identity.services.jobs.training import TrainingState

lambda_handler = task(TrainingState, lambda services, state: services.training_workflow.submit(state))
