"""The tasks of ``train_identity``, which trains one identity."""

import logging
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from character_identity.domain.budget import usd
from character_identity.domain.errors import (
    HostNotAllowed,
    InvalidRequest,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.domain.event import Event
from character_identity.domain.failure import Failure
from character_identity.domain.identity import PROGRESS, Identity, Weights, training_progress
from character_identity.domain.job import JobHandle, ProviderJob
from character_identity.domain.object_keys import WEIGHTS, prefix_of
from character_identity.domain.weights_digest import DIGESTED_BYTES, link_digest, weights_digest
from character_identity.ports.gateways import Media, Now
from character_identity.ports.providers import Providers, TrainingOrder, TrainingStatus
from character_identity.ports.stores import Bucket, Identities, Ledger, TrainedWeights
from character_identity.services.jobs.callback_addresses import CallbackAddresses
from character_identity.services.jobs.slots import SlotService
from character_identity.services.jobs.state import GIVEN_UP, MachineState
from character_identity.services.jobs.workflow import NEVER_ALLOWED, JobWorkflow
from character_identity.services.stored_references import images_of
from character_identity.services.webhooks.events import EventService

MAX_WEIGHTS_BYTES = 400 * 1024**2
"""A Flux LoRA has about 90 MB, and a function has 512 MB of disk."""
FOLDER = f"character-identity-weights-{os.getuid()}"
"""Where weights lie for a while, each in its own folder; one for each user of a machine."""
LONGEST_RUN_S = 300
"""Of the function that makes these folders; what is older was left by one that was killed."""

logger = logging.getLogger(__name__)


class TrainingState(MachineState):
    """Where the training of one identity stands.

    ``waiting``: it has no slot at the provider yet. ``unsubmitted``: it is to be ordered once more.
    """

    state: Literal[
        "preparing", "waiting", "unsubmitted", "training", "trained", "ready", "failed", "parked", "cancelled"
    ] = "preparing"


class TrainingWorkflow(JobWorkflow[Identity, TrainingState, TrainingStatus]):
    """Prepares, submits, checks, stores and records one training."""

    kind = "training"
    at_provider, done, success = "training", "trained", "ready"
    first_poll_s, longest_poll_s = 10, 60

    def __init__(
        self,
        identities: Identities,
        ledger: Ledger,
        bucket: Bucket,
        media: Media,
        providers: Providers,
        slots: SlotService,
        check_weights: Callable[[Path], None],
        trained_weights: TrainedWeights,
        events: EventService,
        callback_addresses: CallbackAddresses,
        now: Now,
    ) -> None:
        super().__init__(ledger, providers, slots, events, callback_addresses, now)
        self._identities = identities
        self._bucket = bucket
        self._media = media
        self._check_weights = check_weights
        self._trained_weights = trained_weights

    def store_weights(self, state: TrainingState) -> TrainingState:
        """Check the weights and copy them to our bucket; there are none to copy if the provider keeps them.

        Raises:
            ProviderUnavailable: the link does not work, or not yet; the same call may work later.
        """
        identity = self._open(state)
        if identity is None:
            return state.failed(GIVEN_UP)
        if identity.weights_url and identity.weights is None:
            try:
                weights = self._copied(identity, identity.weights_url)
            except HostNotAllowed as exc:
                parked = self._park(state, {exc.host})
                if parked is not None:
                    self._identities.advance(identity.identity_id, "parked", PROGRESS["parked"])
                    return parked
                return state.failed(_lost(NEVER_ALLOWED))
            except (ProviderRejected, InvalidRequest) as exc:
                if state.links_may_recover(self._now()):
                    raise ProviderUnavailable(identity.provider, exc.message) from exc
                logger.warning("the weights cannot be had", exc_info=exc)
                return state.failed(_lost(exc.message))
            self._identities.advance(
                identity.identity_id, "storing", PROGRESS["storing"], weights=weights.model_dump()
            )
            if self._is_erased(state):
                self._bucket.delete(weights.key)
        return state.replace(state="ready")

    def _get(self, subject_id: str) -> Identity:
        return self._identities.get(subject_id)

    def _request_of(self, identity: Identity) -> int:
        return identity.training_steps

    def _prepare(self, identity: Identity) -> None:
        trainer = self._providers[identity.provider].training
        archive_url = trainer and trainer.prepare(images_of(self._bucket, identity.references))
        self._identities.advance(
            identity.identity_id, "submitting", PROGRESS["submitting"], archive_url=archive_url
        )

    def _make_order(self, identity: Identity, job: ProviderJob) -> TrainingOrder:
        return TrainingOrder(
            title=f"{identity.ordered_as} [{identity.identity_id}]",
            class_name=identity.class_name,
            trigger_word=identity.trigger_word,
            references=images_of(self._bucket, identity.references),
            steps=identity.training_steps,
            archive_url=identity.archive_url,
            mock=identity.mock,
            callback_url=self._callback_addresses.url_for(job),
            priority=job.priority,
        )

    def _mark_accepted(self, identity: Identity, job: ProviderJob, handle: JobHandle) -> None:
        self._identities.advance(
            identity.identity_id,
            "queued",
            PROGRESS["queued"],
            provider_model_id=handle.provider_job_id,
            cost_usd=None if job.estimate_microusd is None else usd(job.estimate_microusd),
        )

    def _apply_status(self, identity: Identity, job: ProviderJob, status: TrainingStatus) -> None:
        if identity.provider_model_id is None and job.handle is not None:
            self._mark_accepted(identity, job, job.handle)
        if status.state == "done":
            said = {"weights_url": status.weights_url, "took_ms": status.took_ms}
            changes = {name: value for name, value in said.items() if value is not None}
            self._identities.advance(identity.identity_id, "storing", PROGRESS["storing"], **changes)
        elif status.state == "queued":
            self._identities.advance(identity.identity_id, "queued", PROGRESS["queued"])
        else:
            progress = training_progress(status.fraction or 0.0)
            self._identities.advance(identity.identity_id, "training", progress)

    def _store_outcome(self, identity: Identity, outcome: dict[str, Any]) -> tuple[Identity, str]:
        progress = identity.progress if outcome["error"] else PROGRESS["ready"]
        ended = identity.replace(**outcome, phase=outcome["status"], progress=progress)
        settled = self._identities.settle(ended, Event.of_identity(ended))
        return settled, Event.of_identity(settled).event_id

    def _correct_cost(self, subject_id: str, cost_usd: float | None, is_implausible: bool) -> None:
        self._identities.correct_cost(subject_id, cost_usd, is_implausible)

    def _copied(self, identity: Identity, url: str) -> Weights:
        key = f"{prefix_of(WEIGHTS, identity.identity_id)}lora.safetensors"
        with tempfile.TemporaryDirectory(dir=_cleared_folder()) as folder:
            path = Path(folder) / "lora.safetensors"
            sha256 = self._media.download(url, path, MAX_WEIGHTS_BYTES)
            self._check_weights(path)
            self._bucket.write_file(key, path, "application/octet-stream")
            with path.open("rb") as file:
                mark = weights_digest(file.read(DIGESTED_BYTES))
            # Callers use our link even after it has expired, and its address stays the same.
            for known in (mark, *map(link_digest, (url, self._bucket.link(key)))):
                self._trained_weights.remember(identity.owner, known, identity.identity_id)
            return Weights(key=key, size_bytes=path.stat().st_size, sha256=sha256, provider_url=url)


def _cleared_folder() -> Path:
    """Return FOLDER, without what killed functions have left there.

    Lambda kills a function that takes too long, and the next one in the same sandbox gets its disk:
    https://medium.com/@zaccharles/files-survive-lambda-timeouts-but-your-handler-doesnt-a96cf2ab15d9, read
    2026-11-29.
    """
    parent = Path(tempfile.gettempdir()) / FOLDER
    parent.mkdir(exist_ok=True)
    for folder in parent.iterdir():
        with suppress(FileNotFoundError):  # on one machine others remove theirs meanwhile
            if time.time() - folder.stat().st_mtime > LONGEST_RUN_S:
                shutil.rmtree(folder, ignore_errors=True)
    return parent


def _lost(reason: str) -> Failure:
    return Failure(code="weights_lost", message=f"The weights could not be kept: {reason}")
