"""The tasks of ``train_identity``, one method each: state in, next state out."""

import logging
import tempfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from character_identity.domain.budget import microusd, usd
from character_identity.domain.errors import (
    InvalidRequest,
    NotFound,
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.domain.failure import Failure
from character_identity.domain.identity import PROGRESS, Identity, Phase, Weights, training_progress
from character_identity.domain.job import ProviderJob
from character_identity.domain.weights_digest import DIGESTED_BYTES, link_digest, weights_digest
from character_identity.ports.gateways import Media, Now
from character_identity.ports.providers import PaidJobs, Providers, TrainingOrder, TrainingStatus
from character_identity.ports.stores import Bucket, Identities, Ledger, TrainedWeights
from character_identity.services.jobs.callback_addresses import CallbackAddresses
from character_identity.services.jobs.settlement import settle_training
from character_identity.services.jobs.state import GIVEN_UP, UNFINISHED, Backoff, MachineState, overdue
from character_identity.services.jobs.submission import submit_once
from character_identity.services.references import images_of
from character_identity.services.webhooks.events import EventService

FIRST_POLL_S, LONGEST_POLL_S = 10, 60
MAX_WEIGHTS_BYTES = 400 * 1024**2
"""A Flux LoRA has about 90 MB; a function has 512 MB of disk."""
ABSENT_AFTER = timedelta(minutes=2)
"""A job that a provider cannot find so long after the order was never accepted: Astria cuts requests at 30 s
and asks for 60 s before one asks (https://docs.astria.ai/docs/api/overview, read 2026-11-22), and a function
of ours that still waits for the answer has ended."""

logger = logging.getLogger(__name__)


class TrainingState(MachineState):
    """Where the training of one identity stands; ``unsubmitted`` is to be ordered once more."""

    state: Literal["preparing", "unsubmitted", "training", "trained", "ready", "failed"] = "preparing"
    poll_seconds: int = FIRST_POLL_S


class TrainingWorkflow:
    """Prepares, submits, checks, stores and records one training."""

    def __init__(
        self,
        identities: Identities,
        ledger: Ledger,
        bucket: Bucket,
        media: Media,
        providers: Providers,
        check_weights: Callable[[Path], None],
        trained_weights: TrainedWeights,
        events: EventService,
        callback_addresses: CallbackAddresses,
        now: Now,
    ) -> None:
        self._identities = identities
        self._ledger = ledger
        self._bucket = bucket
        self._media = media
        self._providers = providers
        self._check_weights = check_weights
        self._trained_weights = trained_weights
        self._events = events
        self._callback_addresses = callback_addresses
        self._now = now

    def prepare(self, state: TrainingState) -> TrainingState:
        """Put the references where the provider reads them."""
        identity = self._open(state)
        if identity is not None and identity.phase == "preparing":
            trainer = self._providers[identity.provider].training
            archive_url = trainer and trainer.prepare(images_of(self._bucket, identity.references))
            self._identities.advance(
                identity.identity_id, "submitting", PROGRESS["submitting"], archive_url=archive_url
            )
        return state

    def submit(self, state: TrainingState) -> TrainingState:
        """Order the training, once however often this runs; whether it was accepted the next poll shows."""
        job, identity = self._job(state), self._open(state)
        ordered = state.model_copy(update={"state": "training"})
        if identity is None or state.past_deadline(self._now()):
            return ordered.model_copy(update={"poll_seconds": 1})
        provider = self._providers[identity.provider].jobs["training"]
        submitted = self._wait(ordered, job, provider)
        try:
            handle = submit_once(
                self._ledger,
                job.job_id,
                lambda: provider.submit(self._order(identity, job)),
                self._now,
            )
        except ProviderOutcomeUnknown as exc:
            logger.warning("whether the training was accepted is not known", exc_info=exc)
            return submitted
        self._queued(identity, handle.provider_job_id, job)
        return submitted

    def check(self, state: TrainingState) -> TrainingState:
        """Ask the provider; a provider that does not answer is asked again until the deadline."""
        job = self._ledger.consume_callback(state.job_id) or self._job(state)
        state = state.model_copy(update={"was_called_back": state.was_called_back or job.callback_pending})
        identity = self._open(state)
        if identity is None:
            return self._given_up(state, job)
        provider = self._providers[identity.provider].jobs["training"]
        try:
            if job.handle is None:
                return self._look_up(state, identity, job, provider)
            status = provider.status(job.handle, identity.training_steps)
        except ProviderUnavailable as exc:
            logger.warning("provider unavailable, the training goes on", exc_info=exc)
            return self._wait(state, job, provider, exc.retry_after_s)
        return self._after(status, state, identity, job)

    def store_weights(self, state: TrainingState) -> TrainingState:
        """Copy the weights to our bucket, checked; where the provider keeps them there is nothing to do.

        Raises:
            ProviderUnavailable: the link does not work, or not yet; the same call may work later.
        """
        identity = self._open(state)
        if identity is None:
            return state.failed(GIVEN_UP)
        if identity.weights_url and identity.weights is None:
            try:
                weights = self._copied(identity, identity.weights_url)
            except (ProviderRejected, InvalidRequest) as exc:
                if state.links_may_recover(self._now()):
                    raise ProviderUnavailable(identity.provider, exc.message) from exc
                logger.warning("the weights cannot be had", exc_info=exc)
                lost = f"The weights could not be kept: {exc.message}"
                return state.failed(Failure(code="weights_lost", message=lost))
            self._identities.advance(
                identity.identity_id, "storing", PROGRESS["storing"], weights=weights.model_dump()
            )
            if self._erased(state):
                self._bucket.delete(weights.key)
        return state.model_copy(update={"state": "ready"})

    def record(self, state: TrainingState) -> TrainingState:
        """Write the outcome and settle the money; an error that a Catch brought makes it a failure."""
        job = self._job(state)
        failure = Failure.of_state(state.error) if state.error else None
        outcome = settle_training(
            job,
            failure or (None if state.state == "ready" else UNFINISHED),
            identities=self._identities,
            ledger=self._ledger,
            events=self._events,
            now=self._now,
        )
        error = outcome.error.model_dump() if outcome.error else None
        return state.model_copy(update={"state": outcome.status, "error": error})

    def _open(self, state: TrainingState) -> Identity | None:
        """The identity while it trains; None once it was settled, cancelled or erased."""
        try:
            identity = self._identities.get(state.subject_id)
        except NotFound:
            return None
        return identity if identity.status == "training" else None

    def _job(self, state: TrainingState) -> ProviderJob:
        job = self._ledger.get(state.job_id)
        if job is None:
            raise LookupError(f"The training of {state.subject_id} was never ordered.")
        return job

    def _order(self, identity: Identity, job: ProviderJob) -> TrainingOrder:
        return TrainingOrder(
            title=f"{identity.name} [{identity.identity_id}]",
            class_name=identity.class_name,
            trigger_word=identity.trigger_word,
            references=images_of(self._bucket, identity.references),
            steps=identity.training_steps,
            archive_url=identity.archive_url,
            mock=identity.mock,
            callback_url=self._callback_addresses.url_for(job),
        )

    def _queued(self, identity: Identity, provider_job_id: str, job: ProviderJob) -> None:
        self._identities.advance(
            identity.identity_id,
            "queued",
            PROGRESS["queued"],
            provider_model_id=provider_job_id,
            cost_usd=None if job.estimate_microusd is None else usd(job.estimate_microusd),
        )

    def _look_up(
        self,
        state: TrainingState,
        identity: Identity,
        job: ProviderJob,
        provider: PaidJobs[Any, Any, Any],
    ) -> TrainingState:
        """The answer to the order was lost: look for the job, where the provider has a way to."""
        lost = job.state in {"intended", "unknown"} and provider.supports_lookup
        if lost and job.intended_at is not None:
            found = provider.find(self._order(identity, job), since=job.intended_at)
            if found is not None:
                self._ledger.found(job.job_id, found)
                self._queued(identity, found.provider_job_id, job)
                return self._wait(state, job, provider)
            if self._now() - job.intended_at >= ABSENT_AFTER:
                self._ledger.withdraw(job.job_id, None)
                job = job.model_copy(update={"state": "accepted"})
        if job.state == "accepted" and not state.past_deadline(self._now()):
            return state.model_copy(update={"state": "unsubmitted"})
        return self._wait(state, job, provider)

    def _after(
        self, status: TrainingStatus, state: TrainingState, identity: Identity, job: ProviderJob
    ) -> TrainingState:
        """Go on by what the provider said."""
        if status.cost_usd is not None:
            self._ledger.report_cost(job.job_id, microusd(status.cost_usd))
        if status.state == "failed":
            reason = status.reason or "The provider failed the training."
            return state.failed(Failure(code="training_failed", message=reason))
        if identity.provider_model_id is None and job.handle is not None:
            self._queued(identity, job.handle.provider_job_id, job)
        if status.state == "done":
            changes = {"weights_url": status.weights_url} if status.weights_url else {}
            self._identities.advance(identity.identity_id, "storing", PROGRESS["storing"], **changes)
            return state.completed("trained", self._now())
        progress = (
            PROGRESS["queued"] if status.state == "queued" else training_progress(status.fraction or 0.0)
        )
        phase: Phase = "queued" if status.state == "queued" else "training"
        self._identities.advance(identity.identity_id, phase, progress)
        return self._wait(state, job, self._providers[identity.provider].jobs["training"])

    def _copied(self, identity: Identity, url: str) -> Weights:
        key = f"weights/{identity.identity_id}/lora.safetensors"
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "lora.safetensors"
            sha256 = self._media.download(url, path, MAX_WEIGHTS_BYTES)
            self._check_weights(path)
            self._bucket.write_file(key, path, "application/octet-stream")
            with path.open("rb") as file:
                mark = weights_digest(file.read(DIGESTED_BYTES))
            # Callers keep our link longer than it can be fetched; its address stays the same.
            for known in (mark, *map(link_digest, (url, self._bucket.link(key)))):
                self._trained_weights.remember(identity.owner, known, identity.identity_id)
            return Weights(key=key, size_bytes=path.stat().st_size, sha256=sha256, provider_url=url)

    def _given_up(self, state: TrainingState, job: ProviderJob) -> TrainingState:
        """Nobody wants it any more: stop it at the provider, and delete it there if it was erased.

        Raises:
            ProviderUnavailable: the provider did not answer; the same call may work later.
        """
        if job.handle is not None:
            provider = self._providers[job.provider].jobs["training"]
            try:
                provider.cancel(job.handle)
                if self._erased(state):
                    provider.erase(job.handle)
            except ProviderRejected as exc:
                logger.warning("the provider refused to stop the training", exc_info=exc)
        return state.failed(GIVEN_UP)

    def _erased(self, state: TrainingState) -> bool:
        try:
            self._identities.get(state.subject_id)
        except NotFound:
            return True
        return False

    def _wait(
        self,
        state: TrainingState,
        job: ProviderJob,
        provider: PaidJobs[Any, Any, Any],
        at_least_s: int | None = None,
    ) -> TrainingState:
        if state.past_deadline(self._now()):
            return state.failed(overdue(job))
        backoff = Backoff(FIRST_POLL_S, LONGEST_POLL_S, provider.usual_s)
        awaiting_callback = self._callback_addresses.on and not state.was_called_back
        return state.wait(self._now(), backoff, awaiting_callback=awaiting_callback, at_least_s=at_least_s)
