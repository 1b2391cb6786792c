"""How a training or a generation ends: its outcome with the event, then its money, then the event.

Each step is done once, however often all of it runs and whoever else is at it: a state machine's last task,
or the sweep where that task died.
"""

from datetime import datetime
from typing import NamedTuple

from character_identity.domain.budget import Settlement, settlement_of, usd
from character_identity.domain.errors import NotFound
from character_identity.domain.event import Event
from character_identity.domain.failure import Failure
from character_identity.domain.generation import Generation
from character_identity.domain.identity import PROGRESS, Identity
from character_identity.domain.job import ProviderJob
from character_identity.ports.gateways import Now
from character_identity.ports.stores import Generations, Identities, Ledger
from character_identity.services.webhooks.events import EventService


class Outcome(NamedTuple):
    """What is stored in the end, which may have been so before."""

    status: str
    error: Failure | None


ERASED = Outcome("failed", Failure(code="erased", message="The identity was erased."))


def settle_training(
    job: ProviderJob,
    failure: Failure | None,
    *,
    identities: Identities,
    ledger: Ledger,
    events: EventService,
    now: Now,
) -> Outcome:
    """Settle a training and its money; ``failure`` is why it failed, if it did."""
    settlement = settlement_of(job)
    try:
        outcome = _ended_identity(identities.get(job.subject_id), failure, settlement, now())
        settled = identities.settle(outcome, Event.of_identity(outcome))
    except NotFound:
        _end(job, ledger)
        return ERASED
    _end(job, ledger)
    events.publish_soon(Event.of_identity(settled).event_id)
    return Outcome(settled.status, settled.error)


def settle_generation(
    job: ProviderJob,
    failure: Failure | None,
    *,
    generations: Generations,
    ledger: Ledger,
    events: EventService,
    now: Now,
) -> Outcome:
    """Settle a generation and its money; ``failure`` is why it failed, if it did."""
    settlement = settlement_of(job)
    try:
        outcome = _ended_generation(generations.get(job.subject_id), failure, settlement, now())
        settled = generations.settle(outcome, Event.of_generation(outcome))
    except NotFound:
        _end(job, ledger)
        return ERASED
    _end(job, ledger)
    events.publish_soon(Event.of_generation(settled).event_id)
    return Outcome(settled.status, settled.error)


def _end(job: ProviderJob | None, ledger: Ledger) -> None:
    """Settle the money by what is known of the job, which a call that is under way may change meanwhile."""
    while job is not None and job.open and not ledger.settle(job, settlement_of(job)):
        job = ledger.get(job.job_id)


def _ended_identity(
    identity: Identity, failure: Failure | None, settlement: Settlement, at: datetime
) -> Identity:
    return identity.model_copy(
        update={
            "status": "failed" if failure else "ready",
            "phase": "failed" if failure else "ready",
            "progress": identity.progress if failure else PROGRESS["ready"],
            "settled_at": at,
            "cost_usd": _usd(settlement),
            "error": failure,
        }
    )


def _ended_generation(
    generation: Generation, failure: Failure | None, settlement: Settlement, at: datetime
) -> Generation:
    return generation.model_copy(
        update={
            "status": "failed" if failure else "succeeded",
            "settled_at": at,
            "cost_usd": _usd(settlement),
            "error": failure,
        }
    )


def _usd(settlement: Settlement) -> float | None:
    return None if settlement.cost_microusd is None else usd(settlement.cost_microusd)
