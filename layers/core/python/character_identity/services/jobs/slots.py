"""Slots: give a provider's slots to jobs, and take them back."""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from character_identity.domain.job import ProviderJob
from character_identity.domain.slots import Lease, Slots
from character_identity.ports.gateways import Now
from character_identity.ports.stores import SlotStore

ATTEMPTS = 20
"""To change who has a slot; one fails only if somebody else's change went through."""
LOWERED_FOR = timedelta(minutes=10)
"""How long there are fewer slots after a provider said that it was busy."""

logger = logging.getLogger(__name__)


class SlotsContended(Exception):
    """Others kept changing the slots; the same call works later."""


class SlotService:
    """Leases slots: a job holds one from before its order until its provider is done with it.

    ``wake`` wakes the machine of a job that waits for a slot.
    """

    def __init__(self, *, slots: SlotStore, wake: Callable[[str], None], now: Now) -> None:
        self._slots = slots
        self._wake = wake
        self._now = now

    def acquire(self, job: ProviderJob, *, until: datetime, asks_again_by: datetime) -> bool:
        """Take a slot until ``until``, or else wait in line until ``asks_again_by``; True if it has one."""
        if not self._slots.is_limited(job.account):
            return True
        place = Lease(
            job_id=job.job_id,
            owner=job.owner,
            priority=job.priority,
            since=job.accepted_at,
            until=asks_again_by,
        )
        is_in_line = False
        for _ in range(ATTEMPTS):
            slots, now = self._slots.get(job.account), self._now()
            if slots.has_slot(job.job_id, now):
                return True
            if place.job_id in {lease.job_id for lease in _with(slots, place).next_at(now)}:
                taken = (*slots.held_at(now), place.replace(until=until))
                if self._slots.replace(job.account, slots, slots.replace(holders=taken)):
                    self._slots.leave(job.account, job.job_id)
                    return True
            elif is_in_line:
                return False
            else:  # and look again: whoever freed a slot just now did not see this job
                self._slots.wait(job.account, place)
                is_in_line = True
        self._slots.wait(job.account, place)
        return False

    def release(self, job: ProviderJob) -> None:
        """Free the job's slot, or leave the line, and wake as many jobs as there is room for.

        Safe to repeat: if the caller died before waking anybody, the repetition does so.

        Raises:
            SlotsContended: it could not be done now.
        """
        if not self._slots.is_limited(job.account):
            return
        for _ in range(ATTEMPTS):
            slots = self._slots.get(job.account)
            if any(lease.job_id == job.job_id for lease in slots.waiting):
                self._slots.leave(job.account, job.job_id)
            freed = slots.without(job.job_id)
            if freed.holders == slots.holders or self._slots.replace(job.account, slots, freed):
                for lease in freed.next_at(self._now()):
                    self._wake(lease.job_id)
                return
        raise SlotsContended(f"The slots of {job.account} are contended.")

    def lower(self, job: ProviderJob) -> None:
        """Have fewer slots for a while, as the provider was too busy to take this job too."""
        if not self._slots.is_limited(job.account):
            return
        slots, now = self._slots.get(job.account), self._now()
        others = [lease for lease in slots.held_at(now) if lease.job_id != job.job_id]
        lowered = slots.replace(lowered_to=max(1, len(others)), lowered_until=now + LOWERED_FOR)
        if self._slots.replace(job.account, slots, lowered):
            logger.warning(
                "the provider is busy, so it gets fewer jobs at once", extra={"limit": len(others)}
            )


def _with(slots: Slots, place: Lease) -> Slots:
    """Return the slots with a job in the line."""
    others = slots.without(place.job_id)
    return others.replace(waiting=(*others.waiting, place))
