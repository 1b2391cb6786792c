"""Task of generate_images: order the pictures, once."""

from character_identity.handlers.tasks import task
from character_identity.services.jobs.generation import GenerationState

lambda_handler = task(GenerationState, lambda services, state: services.generation_workflow.submit(state))
