"""ProviderJob: one paid call, what we know about it, and the money that is set aside for it."""

from datetime import datetime, timedelta
from typing import Literal

from character_identity.domain.record import Record
from character_identity.domain.slots import Priority

JobKind = str
"""``training``, ``generation``, ``evaluation`` (of many of both), or whatever else a provider does for money;
a word without hyphens."""
EVALUATION: JobKind = "evaluation"
"""The job of an evaluation runs at no provider: it holds the money for its identities and pictures."""
JobState = Literal["accepted", "intended", "submitted", "rejected", "unknown", "dropped"]
"""``accepted`` by us; ``intended`` just before the call; then what the provider made of it.

``dropped``: the provider took it, and bills nothing: it was cancelled before it began, or failed unbilled."""

Account = Literal["fal", "astria"]
"""Our accounts at the providers, which have keys and call back."""
LONGEST_WAIT = timedelta(days=1)
"""For a slot, and then in the provider's queue."""


class JobHandle(Record):
    """How to reach a job at its provider; fal's URLs are used as it gives them."""

    provider_job_id: str
    status_url: str | None = None
    result_url: str | None = None
    cancel_url: str | None = None


class Parked(Record):
    """Paid results that could not be stored yet, and until when we try.

    ``hosts`` are where they lie, if the operator has yet to allow these hosts.
    """

    hosts: list[str]
    until: datetime


class ProviderJob(Record):
    """A row of the ledger, written together with the identity or generation (``subject_id``) that it is for.

    Times are aware UTC, amounts millionths of a dollar.

    ``callback_token``: a secret; whoever knows it may call back about this job.
    ``callback_pending``: there was a callback, and the provider has not been asked since.
    ``correlation_id``: the request that ordered the job; on every log line about it.
    ``evaluation_id``: the evaluation that it belongs to and whose money it uses.
    ``not_before``: when the provider may be asked again.
    ``deadline_at``: until when to wait, first for a slot and then for the provider.
    ``bill_is_implausible``: what was found when the money was settled.
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
        """The account that it runs in."""
        return account_of(self.provider)

    @property
    def open(self) -> bool:
        """True while its money is set aside, so that somebody has to finish it."""
        return self.money == "reserved"

    @property
    def may_be_paid(self) -> bool:
        """True if the provider took the job, or may have."""
        return self.handle is not None or self.is_unanswered

    @property
    def is_unanswered(self) -> bool:
        """True if it was ordered and nobody knows whether the provider took it."""
        return self.handle is None and self.state in {"intended", "unknown"}


def account_of(provider: str) -> str:
    """Return the account of a provider: ``fal`` for everything that runs at fal."""
    return provider.partition("-")[0]


def job_id_of(kind: JobKind, subject_id: str) -> str:
    """Return the id of the job of a kind for a subject, which has only one."""
    return f"{kind}-{subject_id}"


def kind_of(job_id: str) -> JobKind:
    """Return the kind in the id of a job."""
    return job_id.partition("-")[0]


def subject_of(job_id: str) -> str:
    """Return the id of the identity or generation that a job is for."""
    return job_id.partition("-")[2]
