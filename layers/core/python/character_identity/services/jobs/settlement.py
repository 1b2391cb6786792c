"""Settles the money of a job whose outcome is stored: it is committed or released, once."""

import logging

from character_identity.domain.budget import settlement_of
from character_identity.domain.job import ProviderJob
from character_identity.observability import count
from character_identity.ports.stores import Ledger

logger = logging.getLogger(__name__)


def settle_money(ledger: Ledger, job: ProviderJob | None) -> None:
    """Settle a job's money; read the job again if a call that is under way changed it meanwhile."""
    while job is not None and job.open:
        settlement = settlement_of(job)
        if ledger.settle(job, settlement):
            if settlement.is_implausible:
                logger.error("the provider bills far from the estimate", extra=_bill(job))
                count("ImplausibleBills")
            return
        job = ledger.get(job.job_id)


def _bill(job: ProviderJob) -> dict[str, float | None]:
    """The amounts of a job, in millionths of a dollar."""
    return {
        "reported_microusd": job.reported_microusd,
        "estimate_microusd": job.estimate_microusd,
        "reserved_microusd": job.reserved_microusd,
    }
