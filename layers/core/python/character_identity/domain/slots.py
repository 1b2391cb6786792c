"""Slots: how many jobs of our account a provider runs at once, who has them, and who is next.

A provider that has no room takes a job all the same, lets it wait where nobody can see it, and bills it when
nobody wants it any more. So a job waits here until there is a slot for it.
"""

from collections import Counter
from datetime import datetime
from typing import Literal, get_args

from character_identity.domain.record import Record

Priority = Literal["interactive", "batch"]
"""``interactive``: somebody waits for it. ``batch``: it may wait until nobody does."""
PRIORITIES: tuple[Priority, ...] = get_args(Priority)

UNLIMITED = 0
"""The limit of a provider that runs as many as it is sent."""


class Lease(Record):
    """A job's place, among those that have a slot or in the line for one, until ``until``.

    The line forgets whoever does not ask again, so that nobody waits behind a job whose process died.
    """

    job_id: str
    owner: str
    priority: Priority
    since: datetime
    until: datetime


class Slots(Record):
    """An account's slots as they were read; ``version`` counts the changes of who has one.

    ``lowered_to`` is the limit until ``lowered_until``: the provider refused an order because it was busy.
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
        """The leases of slots that have not run out."""
        return tuple(lease for lease in self.holders if now < lease.until)

    def has_slot(self, job_id: str, now: datetime) -> bool:
        """Return True if a job has a slot now."""
        return any(lease.job_id == job_id for lease in self.held_at(now))

    def without(self, job_id: str) -> "Slots":
        """Return the slots as they are once a job has neither one nor a place in the line."""
        holders, waiting = (
            tuple(lease for lease in leases if lease.job_id != job_id)
            for leases in (self.holders, self.waiting)
        )
        return self.replace(holders=holders, waiting=waiting)

    def line_at(self, now: datetime) -> list[Lease]:
        """Return who waits, in the order in which slots are given; nobody who has one, whatever is stored.

        Interactive jobs come before others. Among equals the owners take turns, each with its oldest job
        first, and the slots that an owner has count as turns: one with a thousand jobs delays another's
        first job by one of them.
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
        """Those in the line for whom there is a slot now."""
        return self.line_at(now)[: max(0, self.limit_at(now) - len(self.held_at(now)))]

    def position_of(self, job_id: str, now: datetime) -> int | None:
        """A job's place in the line, the first is 1; None if it does not wait."""
        line = [lease.job_id for lease in self.line_at(now)]
        return line.index(job_id) + 1 if job_id in line else None


def _rank(lease: Lease) -> int:
    return PRIORITIES.index(lease.priority)
