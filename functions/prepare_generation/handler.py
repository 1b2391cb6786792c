"""Task of generate_images: put the references where the provider reads them."""

from character_identity.handlers.tasks import task
from character_identity.services.jobs.generation import GenerationState

lambda_handler = task(GenerationState, lambda services, state: services.generation_workflow.prepare(state))
