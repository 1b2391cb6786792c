"""The sweep: every minute, what is due and nobody has seen to is settled.

Whatever goes well, goes well without it. It is for what died in between: executions that were never started
or were stopped, outcomes without their money, events that nobody published, webhooks and erasures that wait,
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
"""Of one sweep, of money and erasures and then of messages; the next comes in a minute."""
MOST_LISTED = 4_000
"""Rows among which those are chosen, so that who has thousands is not in the way of who has one."""
FOR_MESSAGES = timedelta(seconds=15)
"""Kept for them, however long providers take to answer for the others: most only go to a queue."""
LEASE = timedelta(minutes=2)
"""A row is another sweep's no sooner; the function has ended by then. One on which a sweep failed waits so
long as well, and then behind all that have been due longer."""
RECHECK_AFTER = timedelta(minutes=10)
STARTS_WITHIN = timedelta(minutes=2)
GRACE = timedelta(minutes=20)
"""What came just before the deadline may still be stored: 3 minutes for its links to work, 5 for a task. One
that AWS fails is tried again for 17, and then by another machine."""
ENDED_PERHAPS = frozenset({"finished", "impossible", None})
"""What a provider answers, if it does, who is to stop a job that may have its results by then."""
PARKED_GRACE = timedelta(days=1)
"""A sweep that comes late still has what is parked given up image by image, by a machine."""
INTERRUPTED = Failure(
    code="interrupted", message=f"Its state machine was interrupted {MOST_RUNS} times, and it was given up."
)

logger = logging.getLogger(__name__)


class Settlement(Protocol):
    """How the jobs of a kind end."""

    def outcome_of(self, job: ProviderJob) -> Outcome | None: ...
    def settle(self, job: ProviderJob, failure: Failure | None) -> Outcome: ...


class Swept(NamedTuple):
    """What a sweep did. ``late`` is how long the row that had waited longest had been due."""

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
    """Settles what is due. Sweeps may overlap: a row is claimed before it is touched, and read again then."""

    def __init__(
        self,
        open_work: OpenWork,
        ledger: Ledger,
        kinds: Mapping[JobKind, Settlement],
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
            "delivery": events.request_delivery,  # its receiver may be slow: another function sends it
        }

    def sweep(self, until: datetime, ahead: timedelta = timedelta()) -> Swept:
        """Settle what is due, or will be in ``ahead``: money and erasures first, of each owner in turn.

        No further row is begun after ``until``.
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
                continue  # whoever stores there may be at it
            # One that was taken ahead of its time comes again after that, if nothing else is said of it.
            if not self._open_work.lease(row, max(self._now(), row.due_at) + LEASE):
                continue
            try:
                self._process[row.kind](row.id)
                done += 1
            except Exception:  # whatever it is: the other rows must not wait for it
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
        now, last = self._now(), job.deadline_at + GRACE
        if job.parked is not None:
            last = job.parked.until + PARKED_GRACE
        is_running = self._workflows.is_running(job)
        if is_running and now < last:
            self._ledger.recheck_at(job.job_id, min(now + RECHECK_AFTER, last))
        elif is_running:
            self._workflows.stop(job, "It did not end in time.")
            self._asked_to_stop(job)
            self._settle(job, overdue(job))
        elif not job.is_unanswered and (outcome := self._kinds[job.kind].outcome_of(job)) is not None:
            stopped = "nothing" if outcome.error is None else self._asked_to_stop(job)
            if stopped not in {None, "asked"} or now >= last:
                self._settle(job, overdue(job))
            else:  # it may stop for nothing yet
                self._ledger.recheck_at(job.job_id, min(now + RECHECK_AFTER, last))
        elif job.parked is not None and now < last:
            self._fetch_parked(job, job.parked)
        elif now >= job.deadline_at or job.runs >= MOST_RUNS:
            self._end(job, is_last=now >= last)
        else:
            self._run_again(job, now + STARTS_WITHIN)

    def _end(self, job: ProviderJob, *, is_last: bool) -> None:
        """Settle a job whose machine is not there, unless its provider may have ended it before it was asked.

        Then a last machine takes what there is: it asks once, for it begins past the deadline. Who would have
        asked in time was not there, nor perhaps this sweep, as when the table is away for hours.
        """
        now, stopped = self._now(), self._asked_to_stop(job)
        is_late, may_be_done = now >= job.deadline_at, job.is_unanswered or stopped in ENDED_PERHAPS
        if is_late and may_be_done and job.parked is None and job.runs < MOST_RUNS:
            self._run_again(job, now + STARTS_WITHIN)
            self._ledger.postpone(job.job_id, now)  # it has the grace to store what it finds
        elif is_last or not (stopped is None or (is_late and stopped == "asked")):
            # Else it is asked again, until the grace is over: it may stop for nothing yet, or end.
            self._settle(job, overdue(job) if is_late else INTERRUPTED)

    def _run_again(self, job: ProviderJob, look_at: datetime) -> None:
        """Start the next run of its machine, then count it: one that could not be started is none.

        Starting it twice changes nothing, so whoever dies in between is made up for.
        """
        self._workflows.start(job.replace(runs=job.runs + 1))
        self._ledger.run_again(job, look_at)

    def _fetch_parked(self, job: ProviderJob, parked: Parked) -> None:
        """Have another machine fetch it, once its host is allowed, or give it up once that took too long."""
        now = self._now()
        if parked.hosts and now < parked.until and not any(self._media.allows(host) for host in parked.hosts):
            report_parked(parked)
            self._ledger.recheck_at(job.job_id, min(now + PARKED_CHECKED_AFTER, parked.until))
        else:
            self._run_again(job, now + PARKED_CHECKED_AFTER)

    def _asked_to_stop(self, job: ProviderJob) -> Cancellation | Literal["nothing"] | None:
        """Ask the provider, as its machine would if it were running; returns what came of it.

        ``nothing``: no job is known that could be stopped; None: no answer.
        """
        if job.handle is None:
            return "nothing"
        return try_to_cancel(self._ledger, self._providers[job.provider].jobs[job.kind], job)

    def _settle(self, job: ProviderJob, failure: Failure) -> None:
        """Settle it as failed, unless it has an outcome; and its money."""
        outcome = self._kinds[job.kind].settle(self._ledger.get(job.job_id) or job, failure)
        logger.warning(
            "a job was settled by the sweep",
            extra={"status": outcome.status, "code": outcome.error and outcome.error.code},
        )
