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
"""How long to retry a link that does not work right after its job has completed."""

MOST_RUNS = 5
"""Executions of the machine for one job, with those that were interrupted or whose task failed for good."""
LAST_PLACE = 1_000_000
"""The place in the provider's queue while nobody says it; any that is told later is a step forward."""
WAITING = "waiting"
"""The state of a machine whose job has no slot at the provider yet."""
MOST_STEPS = 20
"""Steps by which a backoff grows; it reaches its longest delay before."""
MANY_POLLS, SELDOM_S = 90, 60
"""After this many polls a job is polled once a minute at most: it may be in its provider's queue for a day,
and a history holds 25,000 events, of which a poll takes 13
(https://docs.aws.amazon.com/step-functions/latest/dg/limits.html, read 2026-11-28)."""
GIVEN_UP = Failure(code="given_up", message="It was settled, cancelled or erased meanwhile.")
UNFINISHED = Failure(
    code="unfinished", message="It was to be recorded before it was done; nothing came of it."
)
"""For a machine that goes straight to its record because it does not know a state of a later release."""


class MachineState(Record):
    """Where one job stands, for the tasks of its machine.

    ``poll_seconds``: how long to wait for a callback before the provider is asked anyway.
    ``polls``: how often the machine has waited so far.
    ``was_called_back``: the provider has called at least once.
    ``missing_since``: when the provider first said that it does not know the job; None once it does.
    ``orders``: how often the order was made and proved not to have been accepted.
    ``queue_position``: jobs ahead of it in the provider's queue; None if it is not there.
    ``prepared_at``: when the upload for the order was made; None in executions older than this field.
    ``stopping_until``: until when to ask whether a job that nobody wants has stopped.
    ``silent_until``: until when to wait, past the deadline, for a provider that does not answer.
    ``provider``, ``correlation_id``: for the log.

    Executions outlive releases: a new field needs a default, and unknown fields are passed on.
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
        """End in failure."""
        return self.replace(state="failed", error=failure.model_dump())

    def ended(self, outcome: Outcome) -> Self:
        """End with the outcome that is stored."""
        error = outcome.error.model_dump() if outcome.error else None
        ended = "cancelled" if outcome.was_wanted_no_more else outcome.status
        return self.replace(state=ended, error=error)

    def completed(self, state: str, now: datetime) -> Self:
        """Go on to ``state``, in which the links of a provider that is done are fetched."""
        return self.replace(state=state, links_until=now + LINKS_MAY_RECOVER_FOR)

    def links_may_recover(self, now: datetime) -> bool:
        """Return True if a link that does not work is worth another try."""
        return self.links_until is not None and now < self.links_until

    def past_deadline(self, now: datetime) -> bool:
        """Return True if the deadline has passed."""
        return self.deadline_at is not None and now >= self.deadline_at

    def wait(
        self, now: datetime, backoff: "Backoff", *, awaiting_callback: bool = False, at_least_s: int = 1
    ) -> Self:
        """Wait for a callback or the next poll, but not past the deadline.

        ``awaiting_callback``: the provider knows where to call, and has not called yet.
        """
        seconds = max(backoff.delay_s(self.polls, awaiting_callback), at_least_s)
        if self.deadline_at is not None:
            left_s = (self.deadline_at - now).total_seconds()
            seconds = min(seconds, max(1, int(left_s) + 1))
        return self.replace(poll_seconds=seconds, polls=self.polls + 1)


@dataclass(frozen=True)
class Backoff:
    """When to poll: after ``first_s``, then after half as long again each time, up to ``longest_s``.

    After MANY_POLLS the delay is at least SELDOM_S.

    A provider that is to call back is polled once early, for the progress, and then only after twice the time
    that such a job usually takes (``usual_s``): two polls in all, if it does call.
    """

    first_s: int
    longest_s: int
    usual_s: int = 0  # 0 if nobody calls back

    def delay_s(self, polls: int, awaiting_callback: bool = False) -> int:
        """Return the seconds until the next poll, after ``polls`` of them."""
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
"""How often a job asks for a slot without having been woken. Whoever frees a slot wakes as many jobs as there
is room for, and so also those that somebody failed to wake before."""


def overdue(job: ProviderJob) -> Failure:
    """Say why a job is given up at its deadline."""
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
