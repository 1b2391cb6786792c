"""ProviderJob: one paid call, what is known of it, and the money that is set aside for it."""

from datetime import datetime, timedelta
from typing import Literal

from character_identity.domain.record import Record
from character_identity.domain.slots import Priority

JobKind = str
"""``training`` or ``generation``, an ``evaluation`` of many of both, or whatever else a provider does for
money; a word without hyphens."""
EVALUATION: JobKind = "evaluation"
"""Its job is no provider's: it holds the money that its identities and pictures draw from."""
JobState = Literal["accepted", "intended", "submitted", "rejected", "unknown", "dropped"]
"""``accepted`` by us; ``intended`` just before the call; then what the provider made of it.

``dropped``: it took the job, and said that it had not begun when it was cancelled, or failed for nothing."""

Account = Literal["fal", "astria"]
"""The accounts of ours that take keys and call back."""
LONGEST_WAIT = timedelta(days=1)
"""For a slot, and then in the provider's queue."""


class JobHandle(Record):
    """The provider's address of a job; fal gives the URLs, which are used as they are."""

    provider_job_id: str
    status_url: str | None = None
    result_url: str | None = None
    cancel_url: str | None = None


class Parked(Record):
    """Results that are paid and could not be stored yet, and until when they may be.

    ``hosts`` are where they lie, if it is that the operator has yet to allow these.
    """

    hosts: list[str]
    until: datetime


class ProviderJob(Record):
    """A ledger row, written with the identity or generation (``subject_id``) that it is for.

    Times are aware UTC, amounts millionths of a dollar. ``callback_token`` is a secret: who knows it may say
    that there was a callback. ``not_before`` is when the provider wants to be asked again at the
    earliest; ``callback_pending`` is true from a callback until the provider was asked.
    ``correlation_id`` names the request that ordered it, on every log line about it. ``evaluation_id`` is the
    evaluation that it is part of: its money comes out of what that one has set aside.
    ``deadline_at`` is when nobody waits any more: for a slot at first, and then for the provider.
    ``bill_is_implausible`` is kept of what was settled.
    """

    job_id: str
    kind: JobKind
    owner: str
    identity_id: str
    subject_id: str
    provider: str
    correlation_id: str = ""
    evaluation_id: str | None = None
    state: JobState = "accepted"
    priority: Priority = "interactive"
    accepted_at: datetime
    deadline_at: datetime
    callback_token: str
    budget_month: str
    reserved_microusd: int
    estimate_microusd: int | None = None
    reported_microusd: int | None = None
    intended_at: datetime | None = None
    not_before: datetime | None = None
    handle: JobHandle | None = None
    money: Literal["reserved", "committed", "released"] = "reserved"
    cost_microusd: int | None = None
    bill_is_implausible: bool = False
    parked: Parked | None = None
    runs: int = 1
    callback_pending: bool = False

    @property
    def account(self) -> str:
        """Whose account it runs in."""
        return account_of(self.provider)

    @property
    def open(self) -> bool:
        """True while its money is set aside, so that somebody has to process it."""
        return self.money == "reserved"

    @property
    def may_be_paid(self) -> bool:
        """True if its provider took it, or may have."""
        return self.handle is not None or self.is_unanswered

    @property
    def is_unanswered(self) -> bool:
        """True if its order was made, and nobody knows whether the provider took it."""
        return self.handle is None and self.state in {"intended", "unknown"}


def account_of(provider: str) -> str:
    """The account that a provider bills and limits: ``fal`` for all that run at fal."""
    return provider.partition("-")[0]


def job_id_of(kind: JobKind, subject_id: str) -> str:
    """The id of the one paid call of a kind that is made for an identity or a generation."""
    return f"{kind}-{subject_id}"


def kind_of(job_id: str) -> JobKind:
    """The kind of a job."""
    return job_id.partition("-")[0]


def subject_of(job_id: str) -> str:
    """The id of the identity or generation that a job is for."""
    return job_id.partition("-")[2]
