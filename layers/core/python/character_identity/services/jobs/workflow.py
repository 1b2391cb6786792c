"""The life of a paid job, whatever its kind: submit it, poll until it has ended, record and settle it.

Each kind has a subclass that knows what differs: what the job is for (its subject), what to order, what an
answer of the provider changes, and which results to store. The public methods are the tasks of the state
machine: state in, next state out.
"""

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Set
from datetime import datetime, timedelta
from typing import Any, ClassVar, Generic, TypeVar

from character_identity.domain.budget import microusd, settlement_of, usd
from character_identity.domain.errors import (
    NotFound,
    ProviderNotConfigured,
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.domain.failure import Failure
from character_identity.domain.get_or_none import get_or_none
from character_identity.domain.job import LONGEST_WAIT, JobHandle, JobKind, Parked, ProviderJob
from character_identity.observability import count
from character_identity.ports.gateways import Now
from character_identity.ports.providers import Found, JobStatus, PaidJobs, Providers
from character_identity.ports.stores import Ledger
from character_identity.services.jobs.callback_addresses import CallbackAddresses
from character_identity.services.jobs.cancellation import cancel, try_to_cancel
from character_identity.services.jobs.look_up import identify
from character_identity.services.jobs.outcome import ERASED, Outcome, Subject
from character_identity.services.jobs.settlement import settle_money
from character_identity.services.jobs.slots import SlotService
from character_identity.services.jobs.state import (
    GIVEN_UP,
    LAST_PLACE,
    MOST_RUNS,
    SLOT_BACKOFFS,
    UNFINISHED,
    WAITING,
    Backoff,
    MachineState,
    overdue,
)
from character_identity.services.jobs.submission import submit_once
from character_identity.services.webhooks.events import EventService

BELIEVED_AFTER = timedelta(minutes=2)
"""A job is missing once the provider has said so twice, this far apart: replicas lag (apify-client-python,
pull request 749)."""
PARKED_FOR = timedelta(days=7)
"""fal is asked to keep pictures for this long; weights, and everything at Astria, live 30 days."""
STORED_WITHIN = timedelta(hours=6)
"""How long to retry what cannot be stored: S3 once failed in a region for more than four hours
(https://aws.amazon.com/message/41926/, read 2026-11-29)."""
NEVER_ALLOWED = f"its host was not allowed within {PARKED_FOR.days} days"
PARKED_CHECKED_AFTER = timedelta(minutes=10)
STOPS_WITHIN = timedelta(minutes=5)
"""A job that is past its deadline, or that nobody wants any more, is stopped at the provider, which has this
long to answer and to show what came of it: fal answers 202 first and cancels later
(https://fal.ai/docs/documentation/model-apis/inference/queue, read 2026-11-29)."""
STOP_AGAIN_AFTER_S = 30
ANSWERS_WITHIN = timedelta(hours=1)
"""How long past the deadline to wait for a provider that does not answer, as it may have the results: fal
keeps a result for about an hour (https://fal.ai/docs/documentation/model-apis/inference/webhooks, read
2026-11-22), Astria for 30 days."""
LONGEST_RETRIED_S = 120
"""If the provider asks for a pause of up to this, the task is retried, for half an hour at most; for a longer
one the machine waits."""
DROPPED_OUT_AFTER = timedelta(minutes=3)
"""A job in the line for a slot counts as dead if its machine is this late to ask again."""
MAX_ORDERS = 3
"""A provider that fails three times at the same order chokes on its content."""

logger = logging.getLogger(__name__)


SubjectT = TypeVar("SubjectT", bound=Subject)
StateT = TypeVar("StateT", bound=MachineState)
StatusT = TypeVar("StatusT", bound=JobStatus)


class JobWorkflow(ABC, Generic[SubjectT, StateT, StatusT]):
    """Takes the jobs of one kind through their life.

    ``at_provider``, ``done`` and ``success`` are the machine's names for its states: the provider is working,
    it has finished, and the results are ours.
    """

    kind: ClassVar[JobKind]
    at_provider: ClassVar[str]
    done: ClassVar[str]
    success: ClassVar[str]
    first_poll_s: ClassVar[int]
    longest_poll_s: ClassVar[int]

    def __init__(
        self,
        ledger: Ledger,
        providers: Providers,
        slots: SlotService,
        events: EventService,
        callback_addresses: CallbackAddresses,
        now: Now,
    ) -> None:
        self._ledger = ledger
        self._providers = providers
        self._slots = slots
        self._events = events
        self._callback_addresses = callback_addresses
        self._now = now

    # what a kind of job brings

    @abstractmethod
    def _get(self, subject_id: str) -> SubjectT:
        """Return what the job is for; raise NotFound once it has been erased."""

    @abstractmethod
    def _request_of(self, subject: SubjectT) -> Any:
        """Return the ``Request`` of ``PaidJobs`` for this kind."""

    def _prepare(self, subject: SubjectT) -> None:
        """Upload what the provider will read for this order. Free, and safe to repeat."""

    @abstractmethod
    def _make_order(self, subject: SubjectT, job: ProviderJob) -> Any:
        """Make the order; None if what it was for is gone."""

    @abstractmethod
    def _mark_accepted(self, subject: SubjectT, job: ProviderJob, handle: JobHandle) -> None:
        """Store that the provider has accepted the order."""

    @abstractmethod
    def _apply_status(self, subject: SubjectT, job: ProviderJob, status: StatusT) -> None:
        """Store what the provider says about a job that is running or done."""

    @abstractmethod
    def _store_outcome(self, subject: SubjectT, outcome: dict[str, Any]) -> tuple[SubjectT, str]:
        """Store the outcome and its event unless there is one; return what is stored, and its event's id."""

    def _correct_cost(self, subject_id: str, cost_usd: float | None, is_implausible: bool) -> None:
        """Store the final cost of a subject that already has its outcome, if its kind shows costs."""

    # the tasks of the machine

    def prepare(self, state: StateT) -> StateT:
        """Upload what the provider will read, unless the order has been made already."""
        subject = self._open(state)
        if subject is not None and self._job(state).state == "accepted":
            self._prepare(subject)
        return state.replace(prepared_at=self._now())

    def submit(self, state: StateT) -> StateT:
        """Order the job once it has a slot; only once, however often this runs.

        If it is not known whether the provider accepted it, the next poll finds out.
        """
        job, subject = self._job(state), self._open(state)
        state = state.replace(deadline_at=job.deadline_at)
        ordered = state.replace(state=self.at_provider)
        if subject is None or job.parked is not None or state.past_deadline(self._now()):
            return ordered.replace(poll_seconds=1)
        if job.state == "accepted":
            ends_at = self._now() + timedelta(seconds=self._jobs(job).deadline_s)
            waiting = self._wait_for_slot(state, job, ends_at)
            if waiting is not None:
                return waiting
            ordered = ordered.replace(deadline_at=ends_at, polls=0)
            if not self._is_upload_fresh(state, job):
                ordered = self.prepare(ordered)
                subject = self._open(state)
        order = None if subject is None else self._make_order(subject, job)
        if subject is None or order is None:
            return ordered.replace(poll_seconds=1)
        submitted = self._wait(ordered, job)
        jobs = self._jobs(job)
        jobs.make_ready(order)
        try:
            handle = submit_once(
                self._ledger,
                job.job_id,
                lambda: jobs.submit(order),
                self._now,
                deadline_at=submitted.deadline_at or job.deadline_at,
            )
        except ProviderOutcomeUnknown as exc:
            logger.warning("whether the order was accepted is not known", exc_info=exc)
            return self._wait(ordered, self._job(state))
        except ProviderUnavailable as exc:
            if exc.is_busy:
                self._slots.lower(job)
            asked_s = exc.retry_after_s or 0
            if asked_s <= LONGEST_RETRIED_S or self._job(state).state != "accepted":
                raise  # retried soon; or another machine has ordered meanwhile
            return self._pause(state, job, asked_s)
        self._mark_accepted(subject, job, handle)
        return submitted

    def check(self, state: StateT) -> StateT:
        """Ask the provider how the job stands; if it does not answer or refuses to, keep asking.

        Only a status ends the job: without one it goes on, and is paid for, although we cannot see it. An
        order that was never answered is looked up even if it was cancelled, so that it can be stopped.
        """
        job = self._ledger.consume_callback(state.job_id) or self._job(state)
        was_called_back = state.was_called_back or (job.callback_pending and job.state != "accepted")
        state = state.replace(was_called_back=was_called_back, deadline_at=job.deadline_at)
        subject = get_or_none(self._get, state.subject_id)
        if subject is None or (subject.settled_at is not None and not job.is_unanswered):
            return self._give_up(state, job)
        if job.parked is not None:
            return state.completed(self.done, self._now())
        try:
            if job.handle is None:
                return self._look_up(state, subject, job)
            status = self._jobs(job).status(job.handle, self._request_of(subject))
        except (ProviderUnavailable, ProviderRejected, ProviderNotConfigured) as exc:
            logger.warning("the provider does not say, the job goes on", exc_info=exc)
            return self._wait(self._postpone_if_silent(state, job), job, exc.retry_after_s)
        if status.state == "missing" or status.is_odd:
            return self._not_found(state, subject, job, status)
        return self._apply(state.replace(missing_since=None), subject, job, status)

    def record(self, state: StateT) -> StateT:
        """Write the outcome and settle the money, unless another machine is to try again.

        An error caught by the state machine (``Error``) says nothing about the job, which may still be
        running at the provider. So another machine retries what failed, as long as it may work. After that
        the job has failed, and its money is left to the sweep, which stops it at the provider first.
        """
        job, failure = self._job(state), Failure.of_state(state.error) if state.error else None
        caught = failure if "Error" in (state.error or {}) else None
        if caught is not None and caught.may_pass and job.may_be_paid and self._open(state) is not None:
            if state.state == self.done:
                state = self._park(state) or state
            elif job.runs < MOST_RUNS:
                return state.failed(caught)
        if state.state == "parked" and self._open(state) is not None:
            return state
        failure = failure or (None if state.state == self.success else UNFINISHED)
        return state.ended(self.settle(job, failure, leave_money=caught is not None and job.may_be_paid))

    # how it ends

    def outcome_of(self, job: ProviderJob) -> Outcome | None:
        """Return the outcome of a job's subject; None while it has none."""
        subject = get_or_none(self._get, job.subject_id)
        if subject is None:
            return ERASED
        return None if subject.settled_at is None else Outcome(subject.status, subject.error)

    def settle(self, job: ProviderJob, failure: Failure | None, *, leave_money: bool = False) -> Outcome:
        """Store the outcome with its event, then settle the money, then publish the event.

        ``failure`` is why the job failed, if it did. With ``leave_money`` the sweep settles the money. If the
        outcome was stored before the cost was known, its cost is corrected. Each step takes effect once,
        however often this runs, and whether the machine's last task or the sweep runs it.
        """
        settlement = settlement_of(job)
        cost_usd = None if settlement.cost_microusd is None else usd(settlement.cost_microusd)
        outcome = {
            "status": "failed" if failure else self.success,
            "settled_at": self._now(),
            "cost_usd": cost_usd,
            "cost_is_implausible": settlement.is_implausible,
            "error": failure,
        }
        self._slots.release(job)
        try:
            subject, event_id = self._store_outcome(self._get(job.subject_id), outcome)
        except NotFound:
            if not leave_money:
                settle_money(self._ledger, job)
            return ERASED
        if not leave_money:
            if job.open and subject.cost_usd != cost_usd:  # cancelled before its cost was known
                self._correct_cost(job.subject_id, cost_usd, settlement.is_implausible)
            settle_money(self._ledger, job)
        self._events.publish_soon(event_id)
        return Outcome(subject.status, subject.error)

    # what the tasks have in common

    def _is_upload_fresh(self, state: StateT, job: ProviderJob) -> bool:
        """Return True if the upload, which lives for two deadlines, outlives a job that is ordered now."""
        lives = timedelta(seconds=self._jobs(job).deadline_s)
        return state.prepared_at is not None and self._now() - state.prepared_at < lives

    def _job(self, state: StateT) -> ProviderJob:
        job = self._ledger.get(state.job_id)
        if job is None:
            raise LookupError(f"The job {state.job_id} was never ordered.")
        return job

    def _jobs(self, job: ProviderJob) -> PaidJobs[Any, Any, Any]:
        return self._providers[job.provider].jobs[self.kind]

    def _open(self, state: StateT) -> SubjectT | None:
        """Return the subject; None once it has been settled, cancelled or erased."""
        subject = get_or_none(self._get, state.subject_id)
        return None if subject is None or subject.settled_at is not None else subject

    def _is_erased(self, state: StateT) -> bool:
        return get_or_none(self._get, state.subject_id) is None

    def _look_up(self, state: StateT, subject: SubjectT, job: ProviderJob) -> StateT:
        """Look-up: the answer to the order was lost, so find the job, if the provider has a way to.

        A job that is not listed is believed missing when that was said twice, as lists lag too; past the
        deadline at once, for nothing is ordered again then.
        """
        jobs, now = self._jobs(job), self._now()
        if job.is_unanswered and jobs.supports_lookup and job.intended_at is not None:
            order = self._make_order(subject, job)
            is_listed = order is not None and now - job.intended_at >= jobs.absent_after(order)
            found = Found() if order is None else jobs.find(order, job.intended_at)
            handle = identify(self._ledger, job, found, is_listed=is_listed)
            if handle is not None:
                self._mark_accepted(subject, job, handle)
                state = self._postpone_if_silent(state.replace(missing_since=None), job)
                return self._wait(state, job)
            if is_listed:
                since = state.missing_since or now
                if now - since < BELIEVED_AFTER and not state.past_deadline(now):
                    return self._ask_once_more(state, job, since)
                self._ledger.withdraw(job.job_id, job.intended_at, None)
                job = self._job(state)  # a callback may have named it meanwhile
                state = state.replace(orders=state.orders + 1, missing_since=None)
                if job.state == "accepted" and state.orders >= MAX_ORDERS:
                    message = f"{job.provider} failed {MAX_ORDERS} times at this order, and did not take it."
                    return state.failed(Failure(code="order_not_taken", message=message))
        if job.state == "accepted" and not state.past_deadline(self._now()):
            return state.replace(state="unsubmitted")
        return self._wait(state, job)

    def _apply(self, state: StateT, subject: SubjectT, job: ProviderJob, status: StatusT) -> StateT:
        """Act on the status that the provider gave."""
        if status.cost_usd is not None:
            self._ledger.report_cost(job.job_id, microusd(status.cost_usd))
        if status.state == "cancelled" or (status.state == "failed" and status.cost_usd == 0):
            self._ledger.drop(job.job_id)
        if status.state == "cancelled" and state.past_deadline(self._now()):
            return state.failed(overdue(job))  # we stopped it ourselves
        if status.state in {"failed", "cancelled"}:
            reason = status.reason or f"The provider failed the {self.kind}."
            return state.failed(Failure(code=f"{self.kind}_failed", message=reason))
        self._apply_status(subject, job, status)
        if status.state == "done":
            self._slots.release(job)
            return state.completed(self.done, self._now())
        return self._wait(self._postpone_in_queue(state, job, status), job)

    def _not_found(self, state: StateT, subject: SubjectT, job: ProviderJob, status: StatusT) -> StateT:
        """Believe that a job, or its result, is missing once that was said twice, and not at its start."""
        now = self._now()
        is_new = job.intended_at is not None and now - job.intended_at < BELIEVED_AFTER
        since = None if is_new else state.missing_since or now
        if since is not None and now - since >= BELIEVED_AFTER:
            if status.state == "failed":
                return self._apply(state, subject, job, status)
            reason = status.reason or f"The provider does not know the {self.kind}."
            return state.failed(Failure(code=f"{self.kind}_failed", message=reason))
        return self._ask_once_more(state, job, since)

    def _ask_once_more(self, state: StateT, job: ProviderJob, since: datetime | None) -> StateT:
        """Ask once more before believing that a job is missing, as was first said at ``since``."""
        missed = state.replace(missing_since=since)
        return self._wait(missed, job, math.ceil(BELIEVED_AFTER.total_seconds()))

    def _wait_for_slot(self, state: StateT, job: ProviderJob, ends_at: datetime) -> StateT | None:
        """Wait for a slot; None once the job has one, until its order must have ended.

        Whoever frees a slot wakes the machine as a callback does, and its check leads back to the order.
        """
        now = self._now()
        backoff = SLOT_BACKOFFS[job.priority]
        waiting = state.replace(state=WAITING).wait(now, backoff)
        asks_again_by = now + timedelta(seconds=waiting.poll_seconds) + DROPPED_OUT_AFTER
        has_slot = self._slots.acquire(job, until=ends_at + STOPS_WITHIN, asks_again_by=asks_again_by)
        return None if has_slot else waiting

    def _pause(self, state: StateT, job: ProviderJob, for_s: int) -> StateT:
        """Wait until the provider takes orders again, as if for a slot, and give ours to others."""
        deadline_at = job.accepted_at + LONGEST_WAIT
        self._ledger.postpone(job.job_id, deadline_at)
        self._slots.release(job)
        waiting = state.replace(state=WAITING, deadline_at=deadline_at)
        backoff = SLOT_BACKOFFS[job.priority]
        return waiting.wait(self._now(), backoff, at_least_s=for_s)

    def _postpone_in_queue(self, state: StateT, job: ProviderJob, status: StatusT) -> StateT:
        """Count the deadline anew from each step forward in the provider's queue, and from its start."""
        before, place = state.queue_position, status.queue_position
        if place is None and status.state == "queued":  # nobody says how many are before it
            return state.replace(queue_position=LAST_PLACE if before is None else before)
        if before == place or (before is not None and place is not None and place > before):
            return state
        in_time = self._now() + timedelta(seconds=self._jobs(job).deadline_s)
        deadline_at = max(job.deadline_at, min(in_time, job.accepted_at + LONGEST_WAIT))
        self._ledger.postpone(job.job_id, deadline_at)
        return state.replace(queue_position=place, deadline_at=deadline_at)

    def _postpone_if_silent(self, state: StateT, job: ProviderJob) -> StateT:
        """Postpone the deadline of a job that we could not ask about: it may be done, and billed."""
        now = self._now()
        until = state.silent_until or now + ANSWERS_WITHIN
        if not (job.may_be_paid and state.past_deadline(now) and now < until):
            return state
        deadline_at = min(now + STOPS_WITHIN, until)
        self._ledger.postpone(job.job_id, deadline_at)
        return state.replace(silent_until=until, deadline_at=deadline_at)

    def _end_at_deadline(self, state: StateT, job: ProviderJob) -> StateT:
        """Past the deadline: stop the job at the provider, which has some minutes to answer."""
        may_go_on = state.deadline_at is not None and self._now() < state.deadline_at + STOPS_WITHIN
        stopped = try_to_cancel(self._ledger, self._jobs(job), job)
        # It may be done after all, or about to stop, or the provider has not answered.
        is_open = stopped in {"finished", "asked", None} and may_go_on
        return self._stop_again(state) if is_open else state.failed(overdue(job))

    def _stop_again(self, state: StateT) -> StateT:
        """Ask the provider once more whether the job has stopped."""
        return state.replace(state=self.at_provider, poll_seconds=STOP_AGAIN_AFTER_S, polls=state.polls + 1)

    def _give_up(self, state: StateT, job: ProviderJob) -> StateT:
        """Nobody wants the job any more: stop it at the provider, and delete it there if it was erased.

        The provider may show only later whether it stopped in time to cost nothing, so keep asking a while.

        Raises:
            ProviderUnavailable: the provider did not answer; the same call may work later.
        """
        now = self._now()
        until = state.stopping_until or now + STOPS_WITHIN
        if job.handle is not None:
            try:
                cancelled = cancel(self._ledger, self._jobs(job), job)
                if cancelled == "asked" and now < until:
                    return self._stop_again(state.replace(stopping_until=until))
                if self._is_erased(state):
                    self._jobs(job).erase(job.handle)
            except (NotFound, ProviderRejected) as exc:
                logger.warning("the provider refused to stop the job", exc_info=exc)
        return state.failed(GIVEN_UP)

    def _park(self, state: StateT, hosts: Set[str] = frozenset()) -> StateT | None:
        """Leave paid results at the provider until the operator allows their hosts, or they can be stored.

        None after PARKED_FOR or STORED_WITHIN: then it is given up.
        """
        now, job = self._now(), self._job(state)
        until = job.parked.until if job.parked else now + (PARKED_FOR if hosts else STORED_WITHIN)
        if now >= until:
            return None
        parked = Parked(hosts=sorted(hosts), until=until)
        self._ledger.park(job.job_id, parked, now + PARKED_CHECKED_AFTER)
        report_parked(parked)
        reason = (
            f"It lies on {', '.join(parked.hosts)}, which the operator has yet to allow."
            if hosts
            else "It cannot be stored yet."
        )
        return state.failed(Failure(code="parked", message=reason)).replace(state="parked")

    def _wait(self, state: StateT, job: ProviderJob, at_least_s: int | None = None) -> StateT:
        if state.past_deadline(self._now()):
            return self._end_at_deadline(state, job)
        backoff = Backoff(self.first_poll_s, self.longest_poll_s, self._jobs(job).usual_s)
        is_to_call_back = not (state.was_called_back or state.missing_since or job.is_unanswered)
        awaiting_callback = self._callback_addresses.on and is_to_call_back
        return state.wait(
            self._now(), backoff, awaiting_callback=awaiting_callback, at_least_s=at_least_s or 1
        )


def report_parked(parked: Parked) -> None:
    """Tell the operator which host to allow, or that results cannot be stored."""
    told = {"hosts": ", ".join(parked.hosts), "until": parked.until.isoformat()}
    what = "lies on a host that is not allowed: see MediaHosts" if parked.hosts else "cannot be stored yet"
    logger.error(f"a paid result {what}", extra=told)
    count("ParkedResults")
