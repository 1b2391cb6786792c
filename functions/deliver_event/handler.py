"""A queue of our events, each of which was published or has deliveries that are due: send its webhooks."""

from character_identity.handlers.tasks import queue_handler

lambda_handler = queue_handler(
    lambda services, event, context: services.deliveries.deliver(event["detail"]["id"])
)
