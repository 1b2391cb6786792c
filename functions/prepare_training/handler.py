"""Task of train_identity: put the references where the provider reads them."""

from character_identity.handlers.tasks import task
from character_identity.services.jobs.training import TrainingState

lambda_handler = task(TrainingState, lambda services, state: services.training_workflow.prepare(state))
