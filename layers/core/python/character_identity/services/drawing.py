"""The tasks of ``generate_images``, one method each: state in, next state out."""

import hashlib
import logging
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel

from character_identity.domain.errors import InvalidRequest, ProviderRejected, ProviderUnavailable
from character_identity.domain.failure import Failure
from character_identity.domain.generation import GeneratedImage, ProducedImage
from character_identity.domain.job import ProviderJob
from character_identity.pictures import inspect
from character_identity.ports import (
    Bucket,
    GenerationOrder,
    Generations,
    Identities,
    Ledger,
    Media,
    Now,
    Providers,
)
from character_identity.services.references import pictures_of
from character_identity.services.submission import submit_once

FIRST_POLL_S = 5
LONGEST_POLL_S = 20
MAX_IMAGE_BYTES = 50 * 1024 * 1024

logger = logging.getLogger(__name__)


class GenerationState(BaseModel):
    """What the machine carries from task to task."""

    generation_id: str
    state: Literal["queued", "running", "generated", "succeeded", "failed"]
    poll_seconds: int = FIRST_POLL_S
    deadline_at: datetime | None = None
    error: dict[str, Any] | None = None


class DrawingService:
    """Submits, checks, stores and records one generation."""

    def __init__(
        self,
        generations: Generations,
        identities: Identities,
        ledger: Ledger,
        bucket: Bucket,
        media: Media,
        providers: Providers,
        now: Now,
    ) -> None:
        self._generations = generations
        self._identities = identities
        self._ledger = ledger
        self._bucket = bucket
        self._media = media
        self._providers = providers
        self._now = now

    def submit(self, state: GenerationState) -> GenerationState:
        """Order the pictures, once however often this runs."""
        generation = self._generations.get(state.generation_id)
        identity = self._identities.get(generation.identity_id)
        provider = self._providers[generation.provider]
        order = GenerationOrder(
            identity=identity,
            request=generation.request,
            references=pictures_of(self._bucket, identity.references_main_first),
            weights_link=self._bucket.link(identity.weights.key) if identity.weights else None,
        )
        job = ProviderJob(
            job_id=_job_id(generation.generation_id),
            kind="generation",
            provider=generation.provider,
            state="intended",
            intended_at=self._now(),
            estimate_usd=provider.generation_estimate_usd(generation.request),
        )
        submit_once(self._ledger, job, lambda: provider.submit_generation(order))
        self._generations.save(
            generation.model_copy(update={"status": "running", "cost_usd": job.estimate_usd})
        )
        deadline_at = self._now() + timedelta(seconds=provider.generation_deadline_s)
        return state.model_copy(
            update={"state": "running", "poll_seconds": FIRST_POLL_S, "deadline_at": deadline_at}
        )

    def check(self, state: GenerationState) -> GenerationState:
        """Ask the provider; a provider that does not answer is asked again until the deadline."""
        generation = self._generations.get(state.generation_id)
        provider = self._providers[generation.provider]
        job = self._ledger.get(_job_id(state.generation_id))
        if job is None or job.handle is None:
            raise LookupError(f"The generation {state.generation_id} was never submitted.")
        try:
            status = provider.generation_status(job.handle, generation.request)
        except ProviderUnavailable as exc:
            logger.warning("provider unavailable, the generation goes on", exc_info=exc)
            return self._wait_longer(state)
        if status.state == "running":
            return self._wait_longer(state)
        if status.state == "failed":
            return _failed(state, "generation_failed", status.reason or "The provider failed the generation.")
        changes: dict[str, Any] = {"produced": list(status.images)}
        if status.cost_usd is not None:
            changes["cost_usd"] = status.cost_usd
        self._generations.save(generation.model_copy(update=changes))
        return state.model_copy(update={"state": "generated"})

    def store(self, state: GenerationState) -> GenerationState:
        """Copy the pictures to our bucket; success means that one of them lies there, whole and not blank."""
        generation = self._generations.get(state.generation_id)
        prefix = f"generations/{generation.identity_id}/{generation.generation_id}/"
        images = [
            self._store_image(prefix, index, produced)
            for index, produced in enumerate(generation.produced, start=1)
        ]
        self._generations.save(generation.model_copy(update={"images": images}))
        if any(image.outcome == "succeeded" for image in images):
            return state.model_copy(update={"state": "succeeded"})
        if images and all(image.outcome == "filtered" for image in images):
            return _failed(state, "filtered", "The provider's safety checker blanked every picture.")
        return _failed(state, "no_image", "The provider yielded no usable picture.")

    def record(self, state: GenerationState) -> GenerationState:
        """Write the outcome; an error that a Catch brought makes it a failure."""
        generation = self._generations.get(state.generation_id)
        failure = Failure.of_state(state.error) if state.error else None
        settled = self._generations.save(
            generation.model_copy(
                update={
                    "status": "failed" if failure else "succeeded",
                    "settled_at": self._now(),
                    "error": failure,
                }
            )
        )
        error = settled.error.model_dump() if settled.error else None
        return state.model_copy(update={"state": settled.status, "error": error})

    def _store_image(self, prefix: str, index: int, produced: ProducedImage) -> GeneratedImage:
        if produced.filtered:
            return GeneratedImage(
                index=index, outcome="filtered", seed=produced.seed, reason="safety checker"
            )
        try:
            content = self._media.fetch(produced.url, MAX_IMAGE_BYTES)
            facts = inspect(content)
        except (InvalidRequest, ProviderRejected) as exc:
            return GeneratedImage(index=index, outcome="failed", seed=produced.seed, reason=exc.message)
        if facts.blank:
            return GeneratedImage(index=index, outcome="filtered", seed=produced.seed, reason="black frame")
        key = f"{prefix}{index:02d}.{facts.suffix}"
        self._bucket.write(key, content, facts.content_type)
        return GeneratedImage(
            index=index,
            outcome="succeeded",
            key=key,
            sha256=hashlib.sha256(content).hexdigest(),
            seed=produced.seed,
            width=facts.width,
            height=facts.height,
        )

    def _wait_longer(self, state: GenerationState) -> GenerationState:
        if state.deadline_at is not None and self._now() >= state.deadline_at:
            return _failed(state, "deadline_exceeded", "The generation did not end before its deadline.")
        return state.model_copy(update={"poll_seconds": min(state.poll_seconds * 3 // 2, LONGEST_POLL_S)})


def _failed(state: GenerationState, code: str, message: str) -> GenerationState:
    failure = Failure(code=code, message=message)
    return state.model_copy(update={"state": "failed", "error": failure.model_dump()})


def _job_id(generation_id: str) -> str:
    return f"generation-{generation_id}"
