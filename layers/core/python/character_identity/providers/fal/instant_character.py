"""fal-ai/instant-character: one reference picture and a prompt, no training."""

from character_identity.domain.errors import ProviderRejected
from character_identity.domain.generation import GenerationRequest
from character_identity.domain.identity import Identity, ProviderName
from character_identity.domain.job import JobHandle
from character_identity.domain.prices import FAL_INSTANT_IMAGE
from character_identity.domain.provenance import MODELS
from character_identity.ports.providers import (
    GenerationOrder,
    GenerationPlan,
    JobsByKind,
    ReferenceImage,
    ReferenceLimits,
)
from character_identity.providers.fal.images import FalImages, image_body
from character_identity.providers.fal.queue import FalQueue
from character_identity.providers.fal.retention import IMAGES_LIVE_S, inputs_live_s, kept

GUIDANCE_MAX = 20.0
"""https://fal.ai/models/fal-ai/instant-character/llms.txt, read 2026-11-22."""


class InstantImages(FalImages):
    """Conditions every picture on the first reference image, which lies in fal's storage for this one job."""

    endpoint = MODELS["fal-instant"]
    price = FAL_INSTANT_IMAGE

    def prepare(self, references: list[ReferenceImage]) -> str | None:
        reference = references[0]
        return self._queue.upload(
            reference.read(), reference.name, "image/jpeg", lives_s=inputs_live_s(self.deadline_s)
        )

    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        body, warnings = image_body(request, request.prompt, GUIDANCE_MAX)
        if request.negative_prompt:
            body["negative_prompt"] = request.negative_prompt
        return GenerationPlan(body, request.prompt, warnings)

    def submit(self, order: GenerationOrder) -> JobHandle:
        if order.reference_url is None:
            raise ProviderRejected("fal-instant", "there is no reference to draw from")
        return self._queue.submit(
            self.endpoint,
            {**self.plan(order.identity, order.request).body, "image_url": order.reference_url},
            outputs_live_s=IMAGES_LIVE_S,
            callback_url=order.callback_url,
        )


class FalInstantCharacter:
    """Makes images from a reference at once."""

    name: ProviderName = "fal-instant"
    mock = False
    references = ReferenceLimits(minimum=1, maximum=3)
    training = None
    keeps = kept(references=inputs_live_s(InstantImages.deadline_s), images=IMAGES_LIVE_S)

    def __init__(self, queue: FalQueue) -> None:
        self.images = InstantImages(queue)
        self.jobs: JobsByKind = {"generation": self.images}
