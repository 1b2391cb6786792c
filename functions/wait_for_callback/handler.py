"""Task of all state machines, with a task token: wait for a callback, or until the time is up."""

from character_identity.handlers.tasks import event_handler

lambda_handler = event_handler(
    lambda services, event, context: services.callbacks.wait(event["state"]["job_id"], event["wake_token"]),
    origin=lambda event: event["state"],
)
