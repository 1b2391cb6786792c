"""Receipts of erasures: what was erased and what remains. A receipt is all that is left of its subject."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Self

from pydantic import Field

from character_identity.domain.identity import ProviderName
from character_identity.domain.record import Record

FIRST_PURGE = timedelta(minutes=1)
LAST_PURGE = timedelta(hours=2, minutes=30)
"""Longer than the deadline of any job: whatever was under way at the erasure has ended by then."""
MAX_PURGE_DELAY = timedelta(minutes=10)
MAX_LATE_PURGE_DELAY = timedelta(days=1)
"""Longest time between two purges while something is left to do: before LAST_PURGE, and after it."""
MOST_KEPT = 100
"""How many things that stay a receipt names; the others are counted only, as a row takes 400 KB."""
MOST_UNFINISHED = 2000
"""Jobs in a receipt, for the same reason; further ones wait until a provider is done with some of these."""


STAYS = (
    ("events", "ids, statuses and error messages", "They tell the owner's systems what happened.", 33),
    ("logs", "ids, times and error messages", "They are for finding faults.", 33),
    ("state machines", "ids, times and error messages", "AWS keeps the history of executions.", 90),
    ("backups", "the rows as they were", "The table can be restored to any time since.", 35),
)
"""Where, what, why, and for how many days: the lifetime of our events and logs plus the three days in which
AWS deletes what has expired ("UpdateTimeToLive" of DynamoDB's API, "PutRetentionPolicy" of CloudWatch Logs',
2026-11-29), and by AWS's guides
(https://docs.aws.amazon.com/step-functions/latest/dg/limits.html and "Point-in-time backups for DynamoDB",
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html; 2026-11-23)."""


class Counts(Record):
    """Counts of what was deleted, added up over several purges."""

    def __add__(self, other: Self) -> Self:
        return type(self)(**{name: count + getattr(other, name) for name, count in self})


class Removed(Counts):
    """Counts for an identity or a generation; ``provider_objects`` are trainings and generations there."""

    references: int = 0
    weights: int = 0
    images: int = 0
    generations: int = 0
    scores: int = 0
    embeddings: int = 0
    provider_objects: int = 0


class RetainedData(Record):
    """Data that stays, where and why. It disappears by itself at ``until``; None: unknown, or never."""

    where: str
    what: str
    why: str
    until: datetime | None = None


def always_staying(now: datetime) -> Iterator[RetainedData]:
    """Yield what stays for a while after every erasure."""
    for where, what, why, days in STAYS:
        yield RetainedData(where=where, what=what, why=why, until=now + timedelta(days=days))


def accounts_of(jobs: str) -> RetainedData:
    """Return what stays of jobs in the ledger."""
    return RetainedData(
        where="ledger", what=f"ids, times and amounts of {jobs}", why="They are our accounts."
    )


class Receipt(Record):
    """What every erasure leaves behind. It is ``complete`` when there is nothing more to do.

    ``kept`` is what stays, whatever we do.
    """

    owner: str
    erased_at: datetime
    complete: bool = False
    kept: list[RetainedData] = Field(default=[])

    @property
    def last_purge_at(self) -> datetime:
        """The time by which everything that was under way at the erasure has ended."""
        return self.erased_at + LAST_PURGE

    def next_purge_at(self, now: datetime) -> datetime | None:
        """Return the time of the next purge: soon, then less and less often, and once at the end."""
        age = now - self.erased_at
        if age < FIRST_PURGE:
            return self.erased_at + FIRST_PURGE
        if not self.complete:
            return now + min(age, MAX_PURGE_DELAY if now < self.last_purge_at else MAX_LATE_PURGE_DELAY)
        return self.last_purge_at if now < self.last_purge_at else None


class RemovedOfEvaluation(Counts):
    """Counts for an evaluation; ``files`` are its results and what they were made from."""

    references: int = 0
    files: int = 0
    cells: int = 0
    scores: int = 0


class EvaluationReceipt(Receipt):
    """The receipt of an evaluation; ``identities`` are the ids of its identities, which stay."""

    evaluation_id: str
    identities: list[str]
    removed: RemovedOfEvaluation = RemovedOfEvaluation()


class ErasureReceipt(Receipt):
    """The receipt of an identity and all that was made of it, or of one generation, by its ``generation_id``.

    ``unfinished``: ids of jobs that are yet to be deleted at the provider.
    ``unnamed``: number of jobs that stay there, beside those that ``kept`` names.
    ``is_out_of_results``: the results of its evaluation were made anew without this generation, so later
    purges leave them alone.
    """

    identity_id: str
    generation_id: str | None = None
    provider: ProviderName
    removed: Removed = Removed()
    unnamed: int = 0
    is_out_of_results: bool = False
    unfinished: list[str] = Field(default=[])

    @property
    def remaining(self) -> list[RetainedData]:
        """Everything that is still there, and why."""
        remaining = list(self.kept)
        if self.unnamed:
            why = "As with those that are named here, the provider did not delete them."
            what = f"{self.unnamed} more of its jobs"
            remaining.append(RetainedData(where=self.provider, what=what, why=why))
        if self.unfinished:
            what = f"{len(self.unfinished)} of its jobs"
            why = "Not all of it was stopped or deleted there yet. The service goes on asking by itself."
            remaining.insert(0, RetainedData(where=self.provider, what=what, why=why))
        return remaining

    def keeping(self, *retained: RetainedData) -> "ErasureReceipt":
        """Return the receipt with more data that stays, each item once."""
        new = [each for each in retained if each not in self.kept]
        room = max(MOST_KEPT - len(self.kept), 0)
        return self.replace(kept=[*self.kept, *new[:room]], unnamed=self.unnamed + len(new[room:]))
