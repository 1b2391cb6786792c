"""Task of generate_images: write the outcome to the table."""

from character_identity.handlers.tasks import task
from character_identity.services.jobs.generation import GenerationState

lambda_handler = task(GenerationState, lambda services, state: services.generation_workflow.record(state))
