"""Task of train_identity: copy the weights to our bucket, checked."""

from character_identity.handlers.tasks import task
from character_identity.services.jobs.training import TrainingState

lambda_handler = task(TrainingState, lambda services, state: services.training_workflow.store_weights(state))
