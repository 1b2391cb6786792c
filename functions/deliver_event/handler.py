"""EventBridge, when one of our events was published or has deliveries that are due: send its webhooks."""

from character_identity.handlers.tasks import event_handler

lambda_handler = event_handler(
    lambda services, event, context: services.deliveries.deliver(event["detail"]["id"])
)
