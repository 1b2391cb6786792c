"""Slots: how many jobs an account may run at once at its provider, which jobs have one, and which are next.

A provider without room takes a job all the same, lets it wait where we cannot see it, and bills it even when
nobody wants it any more. So a job waits here until there is a slot for it.
"""

from collections import Counter
from datetime import datetime
from typing import Literal, get_args

from character_identity.domain.record import Record

Priority = Literal["interactive", "batch"]
"""``interactive``: somebody waits for it. ``batch``: it may wait until no interactive job does."""
PRIORITIES: tuple[Priority, ...] = get_args(Priority)

UNLIMITED = 0
"""The limit of a provider that runs as many jobs as it is sent."""


class Lease(Record):
    """A job's slot, or its place in the line for one, until ``until``.

    A job that does not ask again loses its place, so that nobody waits behind one whose process died.
    """

    job_id: str
    owner: str
    priority: Priority
    since: datetime
    until: datetime


class Slots(Record):
    """An account's slots as they were read; ``version`` counts how often their holders changed.

    ``lowered_to`` is the limit until ``lowered_until``, as the provider refused an order because it was busy.
    """

    limit: int
    holders: tuple[Lease, ...] = ()
    waiting: tuple[Lease, ...] = ()
    version: int = 0
    lowered_to: int | None = None
    lowered_until: datetime | None = None

    def limit_at(self, now: datetime) -> int:
        """The number of slots there are now; at least one."""
        if self.lowered_to is None or self.lowered_until is None or now >= self.lowered_until:
            return self.limit
        return max(1, min(self.limit, self.lowered_to))

    def held_at(self, now: datetime) -> tuple[Lease, ...]:
        """Return the leases of slots that have not expired."""
        return tuple(lease for lease in self.holders if now < lease.until)

    def has_slot(self, job_id: str, now: datetime) -> bool:
        """Return True if a job has a slot now."""
        return any(lease.job_id == job_id for lease in self.held_at(now))

    def without(self, job_id: str) -> "Slots":
        """Return the slots without a job, which then has neither a slot nor a place in the line."""
        holders, waiting = (
            tuple(lease for lease in leases if lease.job_id != job_id)
            for leases in (self.holders, self.waiting)
        )
        return self.replace(holders=holders, waiting=waiting)

    def line_at(self, now: datetime) -> list[Lease]:
        """Return who waits, in the order in which slots are given, without jobs that have a slot already.

        Interactive jobs come before batch jobs. Among equals the owners take turns, each with its oldest job
        first. Slots that an owner has count as turns, so a thousand jobs of one owner delay the first job of
        another by one job only.
        """
        held = self.held_at(now)
        turns, served = Counter(lease.owner for lease in held), {lease.job_id for lease in held}
        line = []
        for lease in sorted(self.waiting, key=lambda lease: (_rank(lease), lease.since, lease.job_id)):
            if now < lease.until and lease.job_id not in served:
                line.append((_rank(lease), turns[lease.owner], lease.since, lease.job_id, lease))
                turns[lease.owner] += 1
        return [lease for *_, lease in sorted(line, key=lambda place: place[:4])]

    def next_at(self, now: datetime) -> list[Lease]:
        """Return those in the line for whom there is a slot now."""
        return self.line_at(now)[: max(0, self.limit_at(now) - len(self.held_at(now)))]

    def position_of(self, job_id: str, now: datetime) -> int | None:
        """Return a job's place in the line, from 1; None if it does not wait."""
        line = [lease.job_id for lease in self.line_at(now)]
        return line.index(job_id) + 1 if job_id in line else None


def _rank(lease: Lease) -> int:
    return PRIORITIES.index(lease.priority)
