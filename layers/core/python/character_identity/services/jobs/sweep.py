"""The sweep: once a minute, finish what is due and was left unfinished.

Nothing that goes well needs it. It is for whatever died halfway: executions that never started or were
stopped, outcomes whose money is not settled, events that nobody published, webhooks and erasures that wait,
pictures that nobody scored or owns.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Literal, NamedTuple, Protocol

from character_identity.domain.failure import Failure
from character_identity.domain.job import JobKind, Parked, ProviderJob
from character_identity.observability import keys_of, log_keys
from character_identity.ports.gateways import Media, Now, Workflows
from character_identity.ports.providers import Cancellation, Providers
from character_identity.ports.stores import Ledger, OpenRow, OpenWork
from character_identity.services.erasure import ErasureService
from character_identity.services.evaluations.erasure import EvaluationErasure
from character_identity.services.intakes import IntakeService
from character_identity.services.jobs.cancellation import try_to_cancel
from character_identity.services.jobs.outcome import Outcome
from character_identity.services.jobs.state import MOST_RUNS, overdue
from character_identity.services.jobs.workflow import PARKED_CHECKED_AFTER, report_parked
from character_identity.services.late_scores import LateScoreService
from character_identity.services.webhooks.events import EventService

MOST_ROWS = 200
"""Rows of each sort (money and erasures, then messages) in one sweep; the next sweep is a minute away."""
MOST_LISTED = 4_000
"""Rows to choose those from, so that an owner with thousands does not block one with a single row."""
FOR_MESSAGES = timedelta(seconds=15)
"""Time reserved for messages, however slowly providers answer about jobs: most only go to a queue."""
LEASE = timedelta(minutes=2)
"""How long a row belongs to one sweep, whose function has ended by then. After a failure the row waits as
long, and then comes behind all that have been due for longer."""
RECHECK_AFTER = timedelta(minutes=10)
STARTS_WITHIN = timedelta(minutes=2)
GRACE = timedelta(minutes=20)
"""Time to store what came just before the deadline: 3 minutes for its links to work, 5 for a task. A task
that AWS fails is retried for 17, and then by another machine."""
ENDED_PERHAPS = frozenset({"finished", "impossible", None})
"""Answers to our asking to stop, after which the job may have ended with results; None is no answer."""
PARKED_GRACE = timedelta(days=1)
"""So that even after a late sweep a machine gives up what is parked, image by image."""
INTERRUPTED = Failure(
    code="interrupted", message=f"Its state machine was interrupted {MOST_RUNS} times, and it was given up."
)

logger = logging.getLogger(__name__)


class Settler(Protocol):
    """Settles the jobs of one kind."""

    def outcome_of(self, job: ProviderJob) -> Outcome | None: ...
    def settle(self, job: ProviderJob, failure: Failure | None) -> Outcome: ...


class Swept(NamedTuple):
    """What a sweep did. ``late`` is how long the most overdue row had been due."""

    done: int = 0
    failed: int = 0
    late: timedelta = timedelta()


def in_turn(rows: Sequence[OpenRow]) -> list[OpenRow]:
    """Return the first row of each owner, then the second of each, and so on."""
    seen: Counter[str] = Counter()
    rounds = []
    for row in rows:
        rounds.append((seen[row.owner], row))
        seen[row.owner] += 1
    return [row for _, row in sorted(rounds, key=lambda each: each[0])]


class SweepService:
    """Settles what is due. Sweeps may overlap, so a row is leased and read again before it is touched."""

    def __init__(
        self,
        open_work: OpenWork,
        ledger: Ledger,
        kinds: Mapping[JobKind, Settler],
        workflows: Workflows,
        providers: Providers,
        events: EventService,
        erasure: ErasureService,
        evaluation_erasure: EvaluationErasure,
        intakes: IntakeService,
        late_scores: LateScoreService,
        media: Media,
        now: Now,
    ) -> None:
        self._open_work = open_work
        self._ledger = ledger
        self._kinds = kinds
        self._workflows = workflows
        self._providers = providers
        self._media = media
        self._now = now
        self._process: Mapping[str, Callable[[str], object]] = {
            "job": self._process_job,
            "identity": erasure.purge,
            "generation": erasure.purge_generation,
            "evaluation": evaluation_erasure.purge,
            "intake": intakes.end,
            "scoring": late_scores.end_wait,
            "event": events.publish_unpublished,
            "delivery": events.request_delivery,  # sent by another function, as receivers may be slow
        }

    def sweep(self, until: datetime, ahead: timedelta = timedelta()) -> Swept:
        """Settle what is due, or will be within ``ahead``: money and erasures first, owners taking turns.

        No row is begun after ``until``.
        """
        began_at = self._now()
        rows = self._open_work.due(began_at + ahead, MOST_LISTED)
        settled = self._process_all([row for row in rows if not row.is_message], until - FOR_MESSAGES)
        told = self._process_all([row for row in rows if row.is_message], until)
        late = began_at - min((row.due_at for row in rows), default=began_at)
        return Swept(settled.done + told.done, settled.failed + told.failed, late)

    def _process_all(self, rows: Sequence[OpenRow], until: datetime) -> Swept:
        done, failed = 0, 0
        for row in in_turn(rows)[:MOST_ROWS]:
            if self._now() >= until:
                break
            if row.kind == "intake" and row.due_at > self._now():
                continue  # somebody may still be storing there
            # A row that was taken before its time stays due at that time, unless it is changed.
            if not self._open_work.lease(row, max(self._now(), row.due_at) + LEASE):
                continue
            try:
                self._process[row.kind](row.id)
                done += 1
            except Exception:  # whatever it is, the other rows must not suffer from it
                logger.exception("a row could not be settled", extra={"kind": row.kind, "id": row.id})
                failed += 1
        return Swept(done, failed)

    def _process_job(self, job_id: str) -> None:
        job = self._ledger.get(job_id)
        if job is None or not job.open:
            return
        with log_keys(**keys_of(job)):
            self._process_open(job)

    def _process_open(self, job: ProviderJob) -> None:
        """Finish a job whose money is still set aside, or see that somebody does, until ``last``."""
        now = self._now()
        last = job.parked.until + PARKED_GRACE if job.parked else job.deadline_at + GRACE
        recheck_at = min(now + RECHECK_AFTER, last)
        if self._workflows.is_running(job):
            if now < last:
                self._ledger.recheck_at(job.job_id, recheck_at)
            else:
                self._workflows.stop(job, "It did not end in time.")
                self._ask_to_stop(job)
                self._settle(job, overdue(job))
        elif not job.is_unanswered and (outcome := self._kinds[job.kind].outcome_of(job)) is not None:
            stopped = "nothing" if outcome.error is None else self._ask_to_stop(job)
            if stopped not in {None, "asked"} or now >= last:
                self._settle(job, overdue(job))
            else:  # it may still stop without costing anything
                self._ledger.recheck_at(job.job_id, recheck_at)
        elif job.parked is not None and now < last:
            self._fetch_parked(job, job.parked)
        elif now >= job.deadline_at or job.runs >= MOST_RUNS:
            self._end(job, is_last=now >= last)
        else:
            self._run_again(job, now + STARTS_WITHIN)

    def _end(self, job: ProviderJob, *, is_last: bool) -> None:
        """Settle a job that has no machine any more, unless its provider may have finished it unnoticed.

        That happens when nobody could ask in time, as when the table is away for hours. Then one last machine
        takes what there is: it asks only once, as it begins past the deadline.
        """
        now, stopped = self._now(), self._ask_to_stop(job)
        is_late, may_be_done = now >= job.deadline_at, job.is_unanswered or stopped in ENDED_PERHAPS
        if is_late and may_be_done and job.parked is None and job.runs < MOST_RUNS:
            self._run_again(job, now + STARTS_WITHIN)
            self._ledger.postpone(job.job_id, now)  # so it has the grace period to store what it finds
        elif is_last or not (stopped is None or (is_late and stopped == "asked")):
            # Else the next sweep asks again, until the grace period is over: it may still stop for nothing.
            self._settle(job, overdue(job) if is_late else INTERRUPTED)

    def _run_again(self, job: ProviderJob, look_at: datetime) -> None:
        """Start the next run of its machine, then count it, so that a failed start does not count.

        Starting the same run twice changes nothing, so dying in between does no harm.
        """
        self._workflows.start(job.replace(runs=job.runs + 1))
        self._ledger.run_again(job, look_at)

    def _fetch_parked(self, job: ProviderJob, parked: Parked) -> None:
        """Once its host is allowed, or waiting took too long, have a machine fetch it or give it up."""
        now = self._now()
        if parked.hosts and now < parked.until and not any(self._media.allows(host) for host in parked.hosts):
            report_parked(parked)
            self._ledger.recheck_at(job.job_id, min(now + PARKED_CHECKED_AFTER, parked.until))
        else:
            self._run_again(job, now + PARKED_CHECKED_AFTER)

    def _ask_to_stop(self, job: ProviderJob) -> Cancellation | Literal["nothing"] | None:
        """Ask the provider to stop the job; return what came of it.

        ``nothing``: we know of no job there that could be stopped; None: no answer.
        """
        if job.handle is None:
            return "nothing"
        return try_to_cancel(self._ledger, self._providers[job.provider].jobs[job.kind], job)

    def _settle(self, job: ProviderJob, failure: Failure) -> None:
        """Settle the job as failed, unless it has an outcome already, and settle its money."""
        outcome = self._kinds[job.kind].settle(self._ledger.get(job.job_id) or job, failure)
        logger.warning(
            "a job was settled by the sweep",
            extra={"status": outcome.status, "code": outcome.error and outcome.error.code},
        )
