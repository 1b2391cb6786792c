"""Task of generate_images: ask the provider how far it is."""

from character_identity.handlers.tasks import task
from character_identity.services.jobs.generation import GenerationState

lambda_handler = task(GenerationState, lambda services, state: services.generation_workflow.check(state))
