"""The tasks of ``generate_images``, which makes the pictures of one generation."""

import hashlib
from typing import Any, Literal, NamedTuple

from character_identity.domain.errors import (
    HostNotAllowed,
    InvalidRequest,
    ProviderError,
    ProviderUnavailable,
)
from character_identity.domain.event import Event
from character_identity.domain.failure import Failure
from character_identity.domain.generation import (
    MAX_IMAGE_BYTES,
    GeneratedImage,
    Generation,
    GenerationRequest,
    ProducedImage,
)
from character_identity.domain.get_or_none import get_or_none
from character_identity.domain.job import JobHandle, ProviderJob
from character_identity.domain.object_keys import ImageKey
from character_identity.images.data_uri import decoded
from character_identity.ports.gateways import Media, Now
from character_identity.ports.providers import GenerationOrder, GenerationStatus, Providers
from character_identity.ports.stores import Bucket, Generations, Identities, Ledger
from character_identity.services.jobs.callback_addresses import CallbackAddresses
from character_identity.services.jobs.slots import SlotService
from character_identity.services.jobs.state import GIVEN_UP, MachineState
from character_identity.services.jobs.workflow import NEVER_ALLOWED, JobWorkflow
from character_identity.services.provenance import ProvenanceService
from character_identity.services.stored_references import images_of
from character_identity.services.webhooks.events import EventService

KEPT = {"succeeded", "filtered"}
"""Outcomes that fetching again would not change."""


class GenerationState(MachineState):
    """Where one generation stands.

    ``waiting``: it has no slot at the provider yet. ``unsubmitted``: it is to be ordered once more.
    """

    state: Literal[
        "queued",
        "waiting",
        "unsubmitted",
        "running",
        "generated",
        "succeeded",
        "failed",
        "cancelled",
        "parked",
    ] = "queued"


class _Stored(NamedTuple):
    """A picture in our bucket, or why it is not there: its host is ``refused``, or is in trouble now."""

    image: GeneratedImage
    refused: str | None = None
    is_troubled: bool = False

    @property
    def given_up(self) -> GeneratedImage:
        """Return the picture as failed if it is parked still."""
        if self.image.outcome != "parked":
            return self.image
        reason = self.image.reason if self.refused is None else NEVER_ALLOWED
        return self.image.replace(outcome="failed", reason=reason)


class GenerationWorkflow(JobWorkflow[Generation, GenerationState, GenerationStatus]):
    """Prepares, submits, checks, stores and records one generation."""

    kind = "generation"
    at_provider, done, success = "running", "generated", "succeeded"
    first_poll_s, longest_poll_s = 5, 20

    def __init__(
        self,
        generations: Generations,
        identities: Identities,
        ledger: Ledger,
        bucket: Bucket,
        media: Media,
        providers: Providers,
        slots: SlotService,
        events: EventService,
        callback_addresses: CallbackAddresses,
        provenance: ProvenanceService,
        now: Now,
    ) -> None:
        super().__init__(ledger, providers, slots, events, callback_addresses, now)
        self._generations = generations
        self._identities = identities
        self._bucket = bucket
        self._media = media
        self._provenance = provenance

    def store(self, state: GenerationState) -> GenerationState:
        """Copy the pictures to our bucket. Success means that at least one is there, whole and not blank.

        Raises:
            ProviderUnavailable: a link does not work, or not yet; the same call may work later.
        """
        generation = self._open(state)
        if generation is None:
            return state.failed(GIVEN_UP)
        kept = {image.index: _Stored(image) for image in generation.images if image.outcome in KEPT}
        stored = [
            kept.get(index) or self._stored(generation, index, produced)
            for index, produced in enumerate(generation.produced, start=1)
        ]
        changed = _completed(generation, [each.image for each in stored])
        if not self._generations.save(changed, {"images", "warnings"}) and self._is_erased(state):
            self._bucket.delete(*(image.key for image in changed.images if image.key))
            return state.failed(GIVEN_UP)
        lost = [each.image for each in stored if each.image.outcome == "failed" or each.is_troubled]
        # A host in trouble may recover any time; one that does not have a picture gets it soon, or never.
        is_troubled = any(each.is_troubled for each in stored)
        may_pass = is_troubled and not state.past_deadline(self._now())
        if lost and (may_pass or state.links_may_recover(self._now())):
            raise ProviderUnavailable(generation.provider, lost[0].reason or "a picture is missing")
        refused = {each.refused for each in stored if each.refused is not None}
        if refused or is_troubled:
            parked = self._park(state, refused)
            if parked is not None:
                return parked
            changed = _completed(changed, [each.given_up for each in stored])
            self._generations.save(changed, {"images"})
        return self._judged(state, changed.images)

    def _get(self, subject_id: str) -> Generation:
        return self._generations.get(subject_id)

    def _request_of(self, generation: Generation) -> GenerationRequest:
        return generation.request

    def _prepare(self, generation: Generation) -> None:
        identity = get_or_none(self._identities.get, generation.identity_id)
        if identity is None:
            return
        references = images_of(self._bucket, identity.references_main_first)
        url = self._providers[generation.provider].images.prepare(references)
        if url is not None:
            prepared = generation.replace(reference_url=url)
            self._generations.save(prepared, {"reference_url"})

    def _make_order(self, generation: Generation, job: ProviderJob) -> GenerationOrder | None:
        identity = get_or_none(self._identities.get, generation.identity_id)
        if identity is None:
            return None
        if generation.character_name is not None:  # it may have been renamed since
            identity = identity.renamed(generation.character_name)
        return GenerationOrder(
            identity=identity,
            request=generation.request,
            reference_url=generation.reference_url,
            weights_link=self._bucket.link(identity.weights.key) if identity.weights else None,
            callback_url=self._callback_addresses.url_for(job),
            priority=job.priority,
        )

    def _mark_accepted(self, generation: Generation, job: ProviderJob, handle: JobHandle) -> None:
        self._generations.save(generation.replace(status="running"), {"status"})

    def _apply_status(self, generation: Generation, job: ProviderJob, status: GenerationStatus) -> None:
        if status.state == "done":
            produced, images = self._unpacked(generation, status.images)
            changes = {"status": "running", "produced": produced, "images": images, "took_ms": status.took_ms}
            saved = self._generations.save(generation.replace(**changes), set(changes))
            if not saved and get_or_none(self._get, generation.generation_id) is None:
                self._bucket.delete(*(image.key for image in images if image.key))

    def _store_outcome(self, generation: Generation, outcome: dict[str, Any]) -> tuple[Generation, str]:
        ended = generation.replace(**outcome)
        settled = self._generations.settle(ended, Event.of_generation(ended))
        return settled, Event.of_generation(settled).event_id

    def _correct_cost(self, subject_id: str, cost_usd: float | None, is_implausible: bool) -> None:
        self._generations.correct_cost(subject_id, cost_usd, is_implausible)

    def _stored(self, generation: Generation, index: int, produced: ProducedImage) -> _Stored:
        from character_identity.images.decoding import inspect  # Pillow, for the task that stores only

        image = GeneratedImage(index=index, outcome="failed", seed=produced.seed)
        if produced.filtered:
            return _Stored(image.replace(outcome="filtered", reason="safety checker"))
        if produced.url is None:
            reason = produced.reason or "the provider named no address"
            return _Stored(image.replace(reason=reason))
        try:
            if ProducedImage.is_inline(produced.url):
                content = decoded(produced.url, MAX_IMAGE_BYTES)
            else:
                content = self._media.fetch(produced.url, MAX_IMAGE_BYTES)
            facts = inspect(content)
        except HostNotAllowed as exc:
            parked = image.replace(outcome="parked", reason=exc.message)
            return _Stored(parked, refused=exc.host)
        except ProviderUnavailable as exc:
            parked = image.replace(outcome="parked", reason=exc.message)
            return _Stored(parked, is_troubled=True)
        except (InvalidRequest, ProviderError) as exc:
            return _Stored(image.replace(reason=exc.message))
        if facts.blank:
            return _Stored(image.replace(outcome="filtered", reason="black frame"))
        key = str(ImageKey(generation.identity_id, generation.generation_id, index, facts.suffix))
        content = self._provenance.mark(content, facts.content_type, generation, index, produced.url)
        self._bucket.write(key, content, facts.content_type)
        return _Stored(
            image.replace(
                outcome="succeeded",
                key=key,
                simulated=self._provenance.is_simulated(generation.provider, produced.url),
                sha256=hashlib.sha256(content).hexdigest(),
                width=facts.width,
                height=facts.height,
            )
        )

    def _unpacked(
        self, generation: Generation, produced: tuple[ProducedImage, ...]
    ) -> tuple[list[ProducedImage], list[GeneratedImage]]:
        """Store pictures that came inside the answer in our bucket; return what fits into a row."""
        listed, images = [], generation.images
        for index, each in enumerate(produced, start=1):
            if each.url is not None and ProducedImage.is_inline(each.url):
                image = self._stored(generation, index, each).image
                images = [*(known for known in images if known.index != index), image]
                each = each.replace(url=None, reason=image.reason)
            listed.append(each)
        return listed, images

    def _judged(self, state: GenerationState, images: list[GeneratedImage]) -> GenerationState:
        """Return how the generation ends, by the outcomes of its images."""
        if any(image.outcome == "succeeded" for image in images):
            return state.replace(state="succeeded")
        if any(image.outcome == "filtered" for image in images):
            message = "The provider's safety checker blanked every picture that it made."
            return state.failed(Failure(code="filtered", message=message))
        reason = next((image.reason for image in images if image.reason), "it made none")
        message = f"The provider yielded no usable picture: {reason}."
        return state.failed(Failure(code="no_image", message=message))


def _completed(generation: Generation, images: list[GeneratedImage]) -> Generation:
    """Return the generation with these images and, as failed, those that the provider did not make."""
    asked, warnings = generation.request.num_images, generation.warnings
    missing = range(len(images) + 1, asked + 1)
    if missing:
        said = f"The provider made {len(images)} of {asked} pictures."
        warnings = warnings if said in warnings else [*warnings, said]
    unmade = [GeneratedImage(index=index, outcome="failed", reason="not produced") for index in missing]
    return generation.replace(images=[*images, *unmade], warnings=warnings)
