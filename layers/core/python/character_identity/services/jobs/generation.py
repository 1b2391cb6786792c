"""The tasks of ``generate_images``, one method each: state in, next state out."""

import hashlib
import logging
from typing import Literal

from character_identity.domain.budget import microusd
from character_identity.domain.errors import (
    InvalidRequest,
    NotFound,
    ProviderError,
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.domain.failure import Failure
from character_identity.domain.generation import GeneratedImage, Generation, ProducedImage
from character_identity.domain.identity import Identity
from character_identity.domain.job import ProviderJob
from character_identity.images.decoding import inspect
from character_identity.ports.gateways import Media, Now
from character_identity.ports.providers import GenerationOrder, GenerationStatus, ImageMaker, Providers
from character_identity.ports.stores import Bucket, Generations, Identities, Ledger
from character_identity.services.jobs.callback_addresses import CallbackAddresses
from character_identity.services.jobs.settlement import settle_generation
from character_identity.services.jobs.state import GIVEN_UP, UNFINISHED, Backoff, MachineState, overdue
from character_identity.services.jobs.submission import submit_once
from character_identity.services.jobs.training import ABSENT_AFTER
from character_identity.services.references import images_of
from character_identity.services.webhooks.events import EventService

FIRST_POLL_S, LONGEST_POLL_S = 5, 20
MAX_IMAGE_BYTES = 50 * 1024 * 1024

logger = logging.getLogger(__name__)


class GenerationState(MachineState):
    """Where one generation stands; ``unsubmitted`` is to be ordered once more."""

    state: Literal["queued", "unsubmitted", "running", "generated", "succeeded", "failed"] = "queued"
    poll_seconds: int = FIRST_POLL_S


class GenerationWorkflow:
    """Submits, checks, stores and records one generation."""

    def __init__(
        self,
        generations: Generations,
        identities: Identities,
        ledger: Ledger,
        bucket: Bucket,
        media: Media,
        providers: Providers,
        events: EventService,
        callback_addresses: CallbackAddresses,
        now: Now,
    ) -> None:
        self._generations = generations
        self._identities = identities
        self._ledger = ledger
        self._bucket = bucket
        self._media = media
        self._providers = providers
        self._events = events
        self._callback_addresses = callback_addresses
        self._now = now

    def submit(self, state: GenerationState) -> GenerationState:
        """Order the pictures, once however often this runs; whether it was accepted the next poll shows."""
        job, generation, identity = self._job(state), self._open(state), self._identity(state)
        ordered = state.model_copy(update={"state": "running"})
        if generation is None or identity is None or state.past_deadline(self._now()):
            return ordered.model_copy(update={"poll_seconds": 1})
        provider = self._providers[generation.provider].images
        submitted = self._wait(ordered, job, provider)
        try:
            submit_once(
                self._ledger,
                job.job_id,
                lambda: provider.submit(self._order(generation, identity, job)),
                self._now,
            )
        except ProviderOutcomeUnknown as exc:
            logger.warning("whether the generation was accepted is not known", exc_info=exc)
            return submitted
        self._running(generation)
        return submitted

    def check(self, state: GenerationState) -> GenerationState:
        """Ask the provider; a provider that does not answer is asked again until the deadline."""
        job = self._ledger.consume_callback(state.job_id) or self._job(state)
        state = state.model_copy(update={"was_called_back": state.was_called_back or job.callback_pending})
        generation = self._open(state)
        if generation is None:
            return self._given_up(state, job)
        provider = self._providers[generation.provider].images
        try:
            if job.handle is None:
                return self._look_up(state, generation, job, provider)
            status = provider.status(job.handle, generation.request)
        except ProviderUnavailable as exc:
            logger.warning("provider unavailable, the generation goes on", exc_info=exc)
            return self._wait(state, job, provider, exc.retry_after_s)
        return self._after(status, state, generation, job)

    def store(self, state: GenerationState) -> GenerationState:
        """Copy the pictures to our bucket; success means that one of them lies there, whole and not blank.

        Raises:
            ProviderUnavailable: a link does not work, or not yet; the same call may work later.
        """
        generation = self._open(state)
        if generation is None:
            return state.failed(GIVEN_UP)
        stored = {image.index: image for image in generation.images if image.outcome != "failed"}
        images = [
            stored.get(index) or self._stored(generation, index, produced)
            for index, produced in enumerate(generation.produced, start=1)
        ]
        missing = range(len(images) + 1, generation.request.num_images + 1)
        images += [GeneratedImage(index=index, outcome="failed", reason="not produced") for index in missing]
        warnings = generation.warnings
        if missing:
            asked = generation.request.num_images
            said = f"The provider made {asked - len(missing)} of {asked} pictures."
            warnings = [*warnings, *([said] if said not in warnings else [])]
        changed = generation.model_copy(update={"images": images, "warnings": warnings})
        if not self._generations.save(changed, {"images", "warnings"}) and self._gone(state):
            self._bucket.delete(*(image.key for image in images if image.key))
            return state.failed(GIVEN_UP)
        lost = [image for image in images if image.outcome == "failed" and image.index not in missing]
        if lost and state.links_may_recover(self._now()):
            raise ProviderUnavailable(generation.provider, lost[0].reason or "a picture is missing")
        return self._judged(state, images)

    def record(self, state: GenerationState) -> GenerationState:
        """Write the outcome and settle the money; an error that a Catch brought makes it a failure."""
        job = self._job(state)
        failure = Failure.of_state(state.error) if state.error else None
        outcome = settle_generation(
            job,
            failure or (None if state.state == "succeeded" else UNFINISHED),
            generations=self._generations,
            ledger=self._ledger,
            events=self._events,
            now=self._now,
        )
        error = outcome.error.model_dump() if outcome.error else None
        return state.model_copy(update={"state": outcome.status, "error": error})

    def _open(self, state: GenerationState) -> Generation | None:
        """The generation while it is not settled; None once it is, or was erased."""
        try:
            generation = self._generations.get(state.subject_id)
        except NotFound:
            return None
        return generation if generation.settled_at is None else None

    def _identity(self, state: GenerationState) -> Identity | None:
        generation = self._open(state)
        try:
            return None if generation is None else self._identities.get(generation.identity_id)
        except NotFound:
            return None

    def _job(self, state: GenerationState) -> ProviderJob:
        job = self._ledger.get(state.job_id)
        if job is None:
            raise LookupError(f"The generation {state.subject_id} was never ordered.")
        return job

    def _order(self, generation: Generation, identity: Identity, job: ProviderJob) -> GenerationOrder:
        return GenerationOrder(
            identity=identity,
            request=generation.request,
            references=images_of(self._bucket, identity.references_main_first),
            weights_link=self._bucket.link(identity.weights.key) if identity.weights else None,
            callback_url=self._callback_addresses.url_for(job),
        )

    def _running(self, generation: Generation) -> None:
        self._generations.save(generation.model_copy(update={"status": "running"}), {"status"})

    def _look_up(
        self, state: GenerationState, generation: Generation, job: ProviderJob, provider: ImageMaker
    ) -> GenerationState:
        """The answer to the order was lost: look for the job, where the provider has a way to."""
        identity = self._identity(state)
        lost = job.state in {"intended", "unknown"} and provider.supports_lookup
        if lost and identity is not None and job.intended_at is not None:
            order = self._order(generation, identity, job)
            found = provider.find(order, since=job.intended_at)
            if found is not None:
                self._ledger.found(job.job_id, found)
                self._running(generation)
                return self._wait(state, job, provider)
            if self._now() - job.intended_at >= ABSENT_AFTER:
                self._ledger.withdraw(job.job_id, None)
                job = job.model_copy(update={"state": "accepted"})
        if job.state == "accepted" and not state.past_deadline(self._now()):
            return state.model_copy(update={"state": "unsubmitted"})
        return self._wait(state, job, provider)

    def _after(
        self, status: GenerationStatus, state: GenerationState, generation: Generation, job: ProviderJob
    ) -> GenerationState:
        """Go on by what the provider said."""
        if status.cost_usd is not None:
            self._ledger.report_cost(job.job_id, microusd(status.cost_usd))
        if status.state in {"queued", "running"}:
            return self._wait(state, job, self._providers[generation.provider].images)
        if status.state == "failed":
            reason = status.reason or "The provider failed the generation."
            return state.failed(Failure(code="generation_failed", message=reason))
        produced = generation.model_copy(update={"status": "running", "produced": list(status.images)})
        self._generations.save(produced, {"status", "produced"})
        return state.completed("generated", self._now())

    def _stored(self, generation: Generation, index: int, produced: ProducedImage) -> GeneratedImage:
        """One picture in our bucket, or why it is not there."""
        image = GeneratedImage(index=index, outcome="failed", seed=produced.seed)
        if produced.filtered:
            return image.model_copy(update={"outcome": "filtered", "reason": "safety checker"})
        if produced.url is None:
            return image.model_copy(update={"reason": "the provider named no address"})
        try:
            content = self._media.fetch(produced.url, MAX_IMAGE_BYTES)
            facts = inspect(content)
        except (InvalidRequest, ProviderError) as exc:
            return image.model_copy(update={"reason": exc.message})
        if facts.blank:
            return image.model_copy(update={"outcome": "filtered", "reason": "black frame"})
        prefix = f"generations/{generation.identity_id}/{generation.generation_id}/"
        key = f"{prefix}{index:02d}.{facts.suffix}"
        self._bucket.write(key, content, facts.content_type)
        return image.model_copy(
            update={
                "outcome": "succeeded",
                "key": key,
                "sha256": hashlib.sha256(content).hexdigest(),
                "width": facts.width,
                "height": facts.height,
            }
        )

    def _judged(self, state: GenerationState, images: list[GeneratedImage]) -> GenerationState:
        if any(image.outcome == "succeeded" for image in images):
            return state.model_copy(update={"state": "succeeded"})
        if any(image.outcome == "filtered" for image in images):
            message = "The provider's safety checker blanked every picture that it made."
            return state.failed(Failure(code="filtered", message=message))
        reason = next((image.reason for image in images if image.reason), "it made none")
        message = f"The provider yielded no usable picture: {reason}."
        return state.failed(Failure(code="no_image", message=message))

    def _given_up(self, state: GenerationState, job: ProviderJob) -> GenerationState:
        """Nobody wants it any more: stop it at the provider, and delete it there if it was erased.

        Raises:
            ProviderUnavailable: the provider did not answer; the same call may work later.
        """
        if job.handle is not None:
            provider = self._providers[job.provider].images
            try:
                provider.cancel(job.handle)
                if self._gone(state):
                    provider.erase(job.handle)
            except ProviderRejected as exc:
                logger.warning("the provider refused to stop the generation", exc_info=exc)
        return state.failed(GIVEN_UP)

    def _gone(self, state: GenerationState) -> bool:
        try:
            self._generations.get(state.subject_id)
        except NotFound:
            return True
        return False

    def _wait(
        self, state: GenerationState, job: ProviderJob, provider: ImageMaker, at_least_s: int | None = None
    ) -> GenerationState:
        if state.past_deadline(self._now()):
            return state.failed(overdue(job))
        backoff = Backoff(FIRST_POLL_S, LONGEST_POLL_S, provider.usual_s)
        awaiting_callback = self._callback_addresses.on and not state.was_called_back
        return state.wait(self._now(), backoff, awaiting_callback=awaiting_callback, at_least_s=at_least_s)
