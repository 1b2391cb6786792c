"""Erasure of an identity and everything made of it, or of one generation, here and at its provider.

One write replaces the row by a receipt, and from then on it is gone, whatever is under way: no task changes
it, no picture of it is ordered or scored. A purge deletes what is left. It is repeated a minute later, then
until everything is done, and once more when no job can be under way any more. So it also takes what was being
written at the time, what a provider would not delete at first, and what an interrupted purge left behind.
"""

import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import NamedTuple

from character_identity.domain.erasure import (
    FIRST_PURGE,
    MOST_UNFINISHED,
    ErasureReceipt,
    Removed,
    RetainedData,
    accounts_of,
    always_staying,
)
from character_identity.domain.errors import (
    NotFound,
    ProviderNotConfigured,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.domain.event import Event
from character_identity.domain.generation import Generation
from character_identity.domain.get_or_none import get_or_none
from character_identity.domain.identity import Identity
from character_identity.domain.job import ProviderJob, job_id_of, subject_of
from character_identity.domain.object_keys import GENERATIONS, REFERENCES, WEIGHTS, prefix_of, uploads_of
from character_identity.domain.ownership import owned
from character_identity.domain.text import counted
from character_identity.observability import keys_of
from character_identity.ports.gateways import Now
from character_identity.ports.providers import Providers
from character_identity.ports.stores import Bucket, Erasures, Generations, Identities, Ledger
from character_identity.services.best_effort import left_to_the_sweep
from character_identity.services.evaluations.erasure import EvaluationErasure
from character_identity.services.jobs.callbacks import CallbackService
from character_identity.services.jobs.cancellation import cancel
from character_identity.services.webhooks.events import EventService

AT_PROVIDERS_FOR = timedelta(seconds=15)
"""After this no call to a provider is begun, as a request has 29 s; the next purge goes on."""
MOST_AT_ONCE = 200
"""Jobs in one purge, each of which takes four calls to the table."""
UPLOADS_KEPT = timedelta(days=2)
"""They expire after one day, rounded up to midnight UTC
(https://repost.aws/questions/QUvjf44qlYSMmQLyRUtTrevg, read 2026-11-23)."""

logger = logging.getLogger(__name__)


class _Deletion(NamedTuple):
    """What came of asking a provider to delete a job; ``finished``: there is nothing more to do about it."""

    finished: bool
    removed: Removed = Removed()
    kept: RetainedData | None = None


class ErasureService:
    """Erases identities and generations. If something fails, the sweep finishes what was begun."""

    def __init__(
        self,
        identities: Identities,
        generations: Generations,
        erasures: Erasures,
        ledger: Ledger,
        bucket: Bucket,
        providers: Providers,
        callbacks: CallbackService,
        events: EventService,
        evaluations: EvaluationErasure,
        now: Now,
    ) -> None:
        self._identities = identities
        self._generations = generations
        self._erasures = erasures
        self._ledger = ledger
        self._bucket = bucket
        self._providers = providers
        self._callbacks = callbacks
        self._events = events
        self._evaluations = evaluations
        self._now = now

    def erase(self, owner: str, identity_id: str) -> ErasureReceipt:
        """Erase an identity of this owner; if it was erased before, return its receipt as it is now.

        Raises:
            NotFound: there is none, or it is another's.
        """
        identity = get_or_none(self._identities.get, identity_id)
        if identity is not None and identity.owner == owner:
            self._erase(identity)
        return owned(owner, self._erasures.find(identity_id), "identity", identity_id)

    def erase_generation(self, owner: str, generation_id: str) -> ErasureReceipt:
        """Erase one generation of this owner, even while it runs; return its receipt as it is now.

        Raises:
            NotFound: there is none, or it is another's.
        """
        generation = get_or_none(self._generations.get, generation_id)
        if generation is not None and generation.owner == owner:
            self._erase_generation(generation)
        return owned(owner, self._erasures.find_of_generation(generation_id), "generation", generation_id)

    def purge(self, identity_id: str) -> None:
        """Delete as much as possible of an erased identity, and note when to purge again."""
        receipt = self._erasures.find(identity_id)
        if receipt is not None:
            self._purge(receipt)

    def purge_generation(self, generation_id: str) -> None:
        """Purge a generation that was erased by itself."""
        receipt = self._erasures.find_of_generation(generation_id)
        if receipt is not None:
            self._purge(receipt)

    def _purge(self, receipt: ErasureReceipt) -> None:
        """Delete here, then at the provider while there is time; the receipt keeps what is left to do."""
        ends_at = self._now() + AT_PROVIDERS_FOR
        receipt, found, all_found = self._with_jobs(receipt)
        if receipt.generation_id is None:
            self._evaluations.forget(receipt.identity_id)
        else:
            self._evaluations.forget_generation(receipt.generation_id, again=receipt.is_out_of_results)
            receipt = receipt.replace(is_out_of_results=True)
        # Jobs whose rows are still here come first: they need not wait for what a provider has yet to delete.
        chosen = set([*dict.fromkeys([*found, *receipt.unfinished])][:MOST_AT_ONCE])
        begun = [job_id for job_id in receipt.unfinished if job_id in chosen]
        others = [job_id for job_id in receipt.unfinished if job_id not in chosen]
        receipt, jobs = self._purge_here(receipt, begun)
        self._save(receipt)
        before = len(receipt.unfinished)
        receipt = self._purge_there(receipt, jobs, others, ends_at)
        receipt = receipt.replace(complete=all_found and not receipt.unfinished)
        more_here = bool(found) and not all_found
        more_there = (bool(others) or self._now() >= ends_at) and len(receipt.unfinished) < before
        self._save(receipt, goes_on=more_here or more_there)

    def _erase(self, identity: Identity) -> None:
        trainer = self._providers[identity.provider].training
        receipt = ErasureReceipt(
            identity_id=identity.identity_id,
            owner=identity.owner,
            provider=identity.provider,
            erased_at=self._now(),
            unfinished=[] if trainer is None else [job_id_of("training", identity.identity_id)],
        ).keeping(*self._staying(identity.owner))
        event = Event.of_erasure(identity, receipt.erased_at)
        if self._erasures.replace_with_tombstone(receipt, event):
            with left_to_the_sweep("a purge"):
                self.purge(identity.identity_id)
            self._events.publish_soon(event.event_id)

    def _erase_generation(self, generation: Generation) -> None:
        receipt = ErasureReceipt(
            identity_id=generation.identity_id,
            generation_id=generation.generation_id,
            owner=generation.owner,
            provider=generation.provider,
            erased_at=self._now(),
            removed=Removed(generations=1),
            unfinished=[job_id_of("generation", generation.generation_id)],
        ).keeping(*always_staying(self._now()))
        if self._erasures.replace_with_tombstone(receipt):
            with left_to_the_sweep("a purge"):
                self._purge(receipt)

    def _staying(self, owner: str) -> Iterable[RetainedData]:
        """Yield what stays for a while after any erasure, and what the owner has uploaded."""
        now = self._now()
        yield from always_staying(now)
        uploads = self._bucket.list_keys(uploads_of(owner))
        if uploads:
            yield RetainedData(
                where="uploads",
                what=f"{counted(len(uploads), 'picture')} that this owner has uploaded of late",
                why="They belong to no identity, and expire.",
                until=now + UPLOADS_KEPT,
            )

    def _with_jobs(self, receipt: ErasureReceipt) -> tuple[ErasureReceipt, list[str], bool]:
        """Note the jobs of all generations in the receipt, before any of these is deleted.

        Returns the receipt, the jobs that were found, and whether these are all.
        """
        if receipt.generation_id is not None:
            return receipt, [], True
        room = min(MOST_AT_ONCE - 1, MOST_UNFINISHED - len(receipt.unfinished))
        if room <= 0:
            return receipt, [], False
        found = self._erasures.jobs_of(receipt.identity_id, room)
        new = [job_id for job_id in found if job_id not in receipt.unfinished]
        if new:
            receipt = receipt.replace(unfinished=[*receipt.unfinished, *new])
            self._save(receipt)
        return receipt, found, len(found) < room

    def _purge_here(
        self, receipt: ErasureReceipt, job_ids: Iterable[str]
    ) -> tuple[ErasureReceipt, list[ProviderJob]]:
        """Delete our rows and objects, and wake running machines; return the jobs to delete elsewhere."""
        identity_id, removed, jobs = receipt.identity_id, Removed(), []
        for job_id in job_ids:
            if subject_of(job_id) != identity_id:
                removed += self._erasures.remove(job_id)
            job = self._ledger.get(job_id)
            if job is not None:
                jobs.append(job)
                if job.open:
                    self._callbacks.tell(job_id)
        if receipt.generation_id is None:
            removed += self._erasures.remove_rows(identity_id)
            removed += Removed(
                references=self._remove_objects(prefix_of(REFERENCES, identity_id)),
                weights=self._remove_objects(prefix_of(WEIGHTS, identity_id)),
                images=self._remove_objects(prefix_of(GENERATIONS, identity_id)),
            )
        else:
            images = prefix_of(GENERATIONS, identity_id, receipt.generation_id)
            removed += Removed(images=self._remove_objects(images))
        return receipt.replace(removed=receipt.removed + removed), jobs

    def _remove_objects(self, prefix: str) -> int:
        keys = self._bucket.list_keys(prefix)
        self._bucket.delete(*keys)
        return len(keys)

    def _purge_there(
        self, receipt: ErasureReceipt, jobs: list[ProviderJob], others: list[str], ends_at: datetime
    ) -> ErasureReceipt:
        """Have the provider stop and delete as many jobs as there is time for; ``others`` must wait."""
        removed, unfinished = receipt.removed, list(others)
        for job in jobs:
            receipt = receipt.keeping(*self._staying_of(job))
            deletion = self._ask_to_delete(job, receipt) if self._now() < ends_at else _Deletion(False)
            removed += deletion.removed
            if deletion.kept is not None:
                receipt = receipt.keeping(deletion.kept)
            if not deletion.finished:
                unfinished.append(job.job_id)
        return receipt.replace(removed=removed, unfinished=unfinished)

    def _staying_of(self, job: ProviderJob) -> Iterable[RetainedData]:
        """Yield what stays because there was a job."""
        yield accounts_of("its jobs")
        keeps = self._providers[job.provider].keeps
        if keeps is not None:
            yield RetainedData(where=job.provider, what="what it was sent and what it made", why=keeps)

    def _ask_to_delete(self, job: ProviderJob, receipt: ErasureReceipt) -> _Deletion:
        if job.handle is None:
            return self._without_handle(job, receipt)
        jobs = self._providers[job.provider].jobs[job.kind]
        what = f"{job.kind} {job.handle.provider_job_id}"
        try:
            if job.open:
                with suppress(ProviderRejected):  # it may have ended, and can be deleted then
                    cancel(self._ledger, jobs, job)
            deletion = _Deletion(True, Removed(provider_objects=int(jobs.erase(job.handle))))
        except ProviderRejected as exc:
            logger.warning("the provider refused to delete", extra=keys_of(job), exc_info=exc)
            deletion = _Deletion(True, kept=RetainedData(where=job.provider, what=what, why=exc.message))
        except NotFound:
            why = "It was not known there when it was to go."
            kept = RetainedData(where=job.provider, what=what, why=why)
            return _Deletion(True, kept=kept) if self._is_last(receipt) else _Deletion(False)
        except (ProviderUnavailable, ProviderNotConfigured) as exc:
            logger.warning("the provider did not delete yet", extra=keys_of(job), exc_info=exc)
            return _Deletion(False)
        # The machine of an open job may still be copying the results, so come back to it.
        return _Deletion(False) if job.open else deletion

    def _without_handle(self, job: ProviderJob, receipt: ErasureReceipt) -> _Deletion:
        """Nothing was ordered, or not yet; or the answer was lost, and a callback may still bring it."""
        lost = job.state in {"intended", "unknown"}
        if job.open or (lost and not self._is_last(receipt)):
            return _Deletion(False)
        if not lost:
            return _Deletion(True)
        why = "It never said whether it accepted the order, so nobody can tell what to delete."
        what = f"{job.kind} {job.subject_id}"
        return _Deletion(True, kept=RetainedData(where=job.provider, what=what, why=why))

    def _is_last(self, receipt: ErasureReceipt) -> bool:
        """Return True if whatever was under way at the erasure has ended."""
        return self._now() >= receipt.last_purge_at

    def _save(self, receipt: ErasureReceipt, *, goes_on: bool = False) -> None:
        """Store the receipt and when to purge again: soon if this purge was cut short (``goes_on``)."""
        now = self._now()
        self._erasures.save(receipt, now + FIRST_PURGE if goes_on else receipt.next_purge_at(now))
