"""The tasks of ``train_identity``, one method each: state in, next state out."""

import logging
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from character_identity.domain.errors import ProviderUnavailable
from character_identity.domain.failure import Failure
from character_identity.domain.identity import PROGRESS, Identity, Weights, training_progress
from character_identity.domain.job import JobHandle, ProviderJob
from character_identity.domain.weights_mark import MARKED_BYTES, mark_of_content, mark_of_link
from character_identity.ports import (
    Bucket,
    Identities,
    Ledger,
    Media,
    Now,
    Providers,
    TrainedWeights,
    TrainingOrder,
)
from character_identity.services.references import pictures_of
from character_identity.services.submission import submit_once

FIRST_POLL_S = 10
LONGEST_POLL_S = 60
MAX_WEIGHTS_BYTES = 400 * 1024**2
"""A Flux LoRA has about 90 MB; a function has 512 MB of disk."""

logger = logging.getLogger(__name__)


class TrainingState(BaseModel):
    """What the machine carries from task to task: ids and times, never contents."""

    identity_id: str
    state: Literal["preparing", "training", "trained", "ready", "failed"]
    poll_seconds: int = FIRST_POLL_S
    deadline_at: datetime | None = None
    error: dict[str, Any] | None = None


class TrainingService:
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
        now: Now,
    ) -> None:
        self._identities = identities
        self._ledger = ledger
        self._bucket = bucket
        self._media = media
        self._providers = providers
        self._check_weights = check_weights
        self._trained_weights = trained_weights
        self._now = now

    def prepare(self, state: TrainingState) -> TrainingState:
        """Put the references where the provider reads them."""
        identity = self._identities.get(state.identity_id)
        provider = self._providers[identity.provider]
        archive_url = provider.prepare_training(pictures_of(self._bucket, identity.references))
        self._identities.advance(
            identity.identity_id, "submitting", PROGRESS["submitting"], archive_url=archive_url
        )
        deadline_at = self._now() + timedelta(seconds=provider.training_deadline_s)
        return state.model_copy(update={"deadline_at": deadline_at})

    def submit(self, state: TrainingState) -> TrainingState:
        """Order the training, once however often this runs."""
        identity = self._identities.get(state.identity_id)
        provider = self._providers[identity.provider]
        order = TrainingOrder(
            title=f"{identity.name} [{identity.identity_id}]",
            class_name=identity.class_name,
            trigger_word=identity.trigger_word,
            references=pictures_of(self._bucket, identity.references),
            steps=identity.training_steps,
            archive_url=identity.archive_url,
            mock=identity.mock,
        )
        job = ProviderJob(
            job_id=_job_id(identity.identity_id),
            kind="training",
            provider=identity.provider,
            state="intended",
            intended_at=self._now(),
            estimate_usd=provider.training_estimate_usd(identity.training_steps),
        )
        handle = submit_once(self._ledger, job, lambda: provider.submit_training(order))
        self._identities.advance(
            identity.identity_id,
            "queued",
            PROGRESS["queued"],
            provider_model_id=handle.provider_job_id,
            cost_usd=job.estimate_usd,
        )
        return state.model_copy(update={"state": "training", "poll_seconds": FIRST_POLL_S})

    def check(self, state: TrainingState) -> TrainingState:
        """Ask the provider; a provider that does not answer is asked again until the deadline."""
        identity = self._identities.get(state.identity_id)
        provider = self._providers[identity.provider]
        try:
            status = provider.training_status(self._handle(identity))
        except ProviderUnavailable as exc:
            logger.warning("provider unavailable, the training goes on", exc_info=exc)
            return self._wait_longer(state)
        if status.state == "failed":
            failure = Failure(
                code="training_failed", message=status.reason or "The provider failed the training."
            )
            return state.model_copy(update={"state": "failed", "error": failure.model_dump()})
        if status.state == "trained":
            changes = {"weights_url": status.weights_url, "cost_usd": status.cost_usd}
            known = {name: value for name, value in changes.items() if value is not None}
            self._identities.advance(identity.identity_id, "storing", PROGRESS["storing"], **known)
            return state.model_copy(update={"state": "trained"})
        progress = (
            PROGRESS["queued"] if status.state == "queued" else training_progress(status.fraction or 0.0)
        )
        self._identities.advance(identity.identity_id, status.state, progress)
        return self._wait_longer(state)

    def store_weights(self, state: TrainingState) -> TrainingState:
        """Copy the weights to our bucket, checked; where the provider keeps them there is nothing to do."""
        identity = self._identities.get(state.identity_id)
        if identity.weights_url and identity.weights is None:
            key = f"weights/{identity.identity_id}/lora.safetensors"
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "lora.safetensors"
                sha256 = self._media.download(identity.weights_url, path, MAX_WEIGHTS_BYTES)
                self._check_weights(path)
                self._bucket.write_file(key, path, "application/octet-stream")
                with path.open("rb") as file:
                    mark = mark_of_content(file.read(MARKED_BYTES))
                # Callers keep our link longer than it can be fetched; its address stays the same.
                links = (identity.weights_url, self._bucket.link(key))
                for known in (mark, *map(mark_of_link, links)):
                    self._trained_weights.remember(identity.owner, known, identity.identity_id)
                weights = Weights(
                    key=key, size_bytes=path.stat().st_size, sha256=sha256, provider_url=identity.weights_url
                )
            self._identities.advance(
                identity.identity_id, "storing", PROGRESS["storing"], weights=weights.model_dump()
            )
        return state.model_copy(update={"state": "ready"})

    def record(self, state: TrainingState) -> TrainingState:
        """Write the outcome; an error that a Catch brought makes it a failure."""
        identity = self._identities.get(state.identity_id)
        failure = Failure.of_state(state.error) if state.error else None
        settled = self._identities.settle(
            identity.model_copy(
                update={
                    "status": "failed" if failure else "ready",
                    "phase": "failed" if failure else "ready",
                    "progress": identity.progress if failure else PROGRESS["ready"],
                    "settled_at": self._now(),
                    "error": failure,
                }
            )
        )
        error = settled.error.model_dump() if settled.error else None
        return state.model_copy(update={"state": settled.status, "error": error})

    def _handle(self, identity: Identity) -> JobHandle:
        job = self._ledger.get(_job_id(identity.identity_id))
        if job is None or job.handle is None:
            raise LookupError(f"The training of {identity.identity_id} was never submitted.")
        return job.handle

    def _wait_longer(self, state: TrainingState) -> TrainingState:
        if state.deadline_at is not None and self._now() >= state.deadline_at:
            failure = Failure(
                code="deadline_exceeded", message="The training did not end before its deadline."
            )
            return state.model_copy(update={"state": "failed", "error": failure.model_dump()})
        return state.model_copy(update={"poll_seconds": min(state.poll_seconds * 3 // 2, LONGEST_POLL_S)})


def _job_id(identity_id: str) -> str:
    return f"training-{identity_id}"
