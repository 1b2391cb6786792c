"""What the state machines carry from task to task: the job's id and times, never contents."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Self

from pydantic import ConfigDict, model_validator

from character_identity.domain.failure import Failure
from character_identity.domain.job import ProviderJob, job_id_of, subject_of
from character_identity.domain.record import Record
from character_identity.domain.slots import Priority
from character_identity.services.jobs.outcome import Outcome

LINKS_MAY_RECOVER_FOR = timedelta(minutes=3)
"""A link that does not work right after its job was completed is tried again for so long."""

MOST_RUNS = 5
"""Of its machine, for one job: of those that were interrupted, or in which a task failed for good."""
WAITING = "waiting"
"""The state of a machine whose job has no slot at the provider yet."""
MOST_STEPS = 20
"""Of growth; after fewer the longest pause is reached."""
MANY_POLLS, SELDOM_S = 90, 60
"""After so many polls no job is polled more often: it stands in its provider's queue, which may take a day,
and a history holds 25,000 events, of which a poll takes 13
(https://docs.aws.amazon.com/step-functions/latest/dg/limits.html, read 2026-11-28)."""
GIVEN_UP = Failure(code="given_up", message="It was settled, cancelled or erased meanwhile.")
UNFINISHED = Failure(
    code="unfinished", message="It was to be recorded before it was done; nothing came of it."
)
"""For a machine that does not know a state which a later release added, and goes to its record."""


class MachineState(Record):
    """``poll_seconds`` is how long to wait for a callback before the provider is asked anyway.

    ``polls`` counts the waits so far; ``was_called_back`` says that the provider called at least once.
    ``missing_since`` is when the provider first said that it does not know the job, and nothing else since;
    ``orders`` counts how often the order was made and proved not to have been taken.
    ``queue_position`` is how many jobs were before it in the provider's queue when it was asked last; None:
    it was not there, or the provider does not say.
    ``prepared_at`` is when what the order is made from was put where the provider reads it; None in
    executions that began before states said so.
    ``stopping_until`` is how long the provider is asked what came of stopping a job that nobody wants, and
    ``silent_until`` how long past its deadline a job is waited for whose provider does not answer.
    ``provider`` and ``correlation_id`` are for the log.

    Executions outlive releases, so fields that a later one adds need a default, and what is not known here is
    carried on.
    """

    model_config = ConfigDict(extra="allow")

    job_id: str
    state: str
    provider: str = ""
    correlation_id: str = ""
    poll_seconds: int = 10
    polls: int = 0
    was_called_back: bool = False
    deadline_at: datetime | None = None
    links_until: datetime | None = None
    missing_since: datetime | None = None
    orders: int = 0
    queue_position: int | None = None
    prepared_at: datetime | None = None
    stopping_until: datetime | None = None
    silent_until: datetime | None = None
    error: dict[str, Any] | None = None

    @model_validator(mode="before")
    @classmethod
    def _name_job(cls, state: dict[str, Any]) -> dict[str, Any]:
        """Executions that began before states had ``job_id`` name their identity or generation instead."""
        for kind, subject in (("training", "identity_id"), ("generation", "generation_id")):
            if "job_id" not in state and subject in state:
                return {"job_id": job_id_of(kind, state[subject]), **state}
        return state

    @property
    def subject_id(self) -> str:
        """The id of the identity or generation that the job is for."""
        return subject_of(self.job_id)

    def failed(self, failure: Failure) -> Self:
        """The end: it did not work."""
        return self.replace(state="failed", error=failure.model_dump())

    def ended(self, outcome: Outcome) -> Self:
        """The end of a job whose outcome is stored."""
        error = outcome.error.model_dump() if outcome.error else None
        ended = "cancelled" if outcome.was_wanted_no_more else outcome.status
        return self.replace(state=ended, error=error)

    def completed(self, state: str, now: datetime) -> Self:
        """The provider is done; its links are to be fetched now."""
        return self.replace(state=state, links_until=now + LINKS_MAY_RECOVER_FOR)

    def links_may_recover(self, now: datetime) -> bool:
        """Return True if a link that does not work is worth another try."""
        return self.links_until is not None and now < self.links_until

    def past_deadline(self, now: datetime) -> bool:
        """Return True if nobody waits any more."""
        return self.deadline_at is not None and now >= self.deadline_at

    def wait(
        self, now: datetime, backoff: "Backoff", *, awaiting_callback: bool = False, at_least_s: int = 1
    ) -> Self:
        """Wait for a callback, or for the next poll; never past the deadline.

        ``awaiting_callback``: the provider was told where to call, and has not called yet.
        """
        seconds = max(backoff.delay_s(self.polls, awaiting_callback), at_least_s)
        if self.deadline_at is not None:
            left_s = (self.deadline_at - now).total_seconds()
            seconds = min(seconds, max(1, int(left_s) + 1))
        return self.replace(poll_seconds=seconds, polls=self.polls + 1)


@dataclass(frozen=True)
class Backoff:
    """How often to poll a job: ``first_s``, then half as long again each time, up to ``longest_s``.

    After MANY_POLLS that is SELDOM_S at least.

    A provider that calls back is polled once early, for the progress, and then given twice the time that
    such a job usually takes (``usual_s``): two polls in all, if it does call.
    """

    first_s: int
    longest_s: int
    usual_s: int = 0  # where nobody calls back

    def delay_s(self, polls: int, awaiting_callback: bool = False) -> int:
        """Seconds until the next poll, after so many."""
        if awaiting_callback and polls < len(self._callback_delays_s):
            return self._callback_delays_s[polls]
        earlier = polls - len(self._callback_delays_s) if awaiting_callback else polls
        longest_s = self.longest_s if polls < MANY_POLLS else max(self.longest_s, SELDOM_S)
        return int(min(self.first_s * 1.5 ** min(earlier, MOST_STEPS), longest_s))

    @property
    def _callback_delays_s(self) -> tuple[int, int]:
        return max(self.usual_s // 3, 1), self.usual_s * 2


SLOT_BACKOFFS: Mapping[Priority, Backoff] = {
    "interactive": Backoff(first_s=30, longest_s=120),
    "batch": Backoff(first_s=30, longest_s=600),
}
"""How often a job asks for a slot that nobody told it of. Whoever gives one back wakes as many as have room,
and so those, too, that an earlier one failed to wake."""


def overdue(job: ProviderJob) -> Failure:
    """Return why a job is given up at its deadline."""
    if job.state == "accepted":
        return Failure(
            code="not_ordered",
            message=f"{job.provider} did not take the {job.kind} in time; nothing was billed.",
        )
    if job.is_unanswered:
        return Failure(
            code="provider_outcome_unknown",
            message=f"{job.provider} never said whether it accepted the {job.kind}; it may have been billed.",
        )
    return Failure(code="deadline_exceeded", message=f"The {job.kind} did not end before its deadline.")
