"""The queue's requests in the simulators' memory: as documents, and back."""

from dataclasses import asdict
from typing import Any

from local.simulators.fal.errors import FalAnswer
from local.simulators.fal.jobs import FalJob
from local.simulators.fal.options import CallOptions
from local.simulators.fal.orders import Order
from local.simulators.memory import schedule_document

JOBS = "fal requests"


def document_of(job: FalJob) -> dict[str, Any]:
    """All that a later process needs to know of a request, as JSON; ``outcome`` once there is one."""
    is_done = job.work.done() and not job.work.cancelled() and job.work.exception() is None
    order, outcome = job.order, job.forced or (job.work.result() if is_done else None)
    return {
        "endpoint": order.endpoint,
        "body": order.body.decode("latin-1"),  # whatever the bytes are
        "origin": order.origin,
        "options": asdict(order.options),
        "application": job.application,
        "url": job.url,
        "sent_at": job.sent_at.isoformat(),
        "schedule": schedule_document(job.schedule),
        "steps": job.steps,
        "outcome": None if outcome is None else asdict(outcome),
    }


def order_of(document: dict[str, Any]) -> Order:
    """The order of a request; a fault that was armed for it has gone."""
    return Order(
        endpoint=document["endpoint"],
        body=document["body"].encode("latin-1"),
        origin=document["origin"],
        options=CallOptions(**document["options"]),
    )


def outcome_of(document: dict[str, Any]) -> FalAnswer | None:
    """Return how a request ended; None if it had not."""
    return None if document["outcome"] is None else FalAnswer(**document["outcome"])
