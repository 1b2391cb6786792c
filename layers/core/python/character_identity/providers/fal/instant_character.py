"""fal-ai/instant-character: one reference picture and a prompt, no training."""

from typing import Any

from character_identity.domain.errors import ProviderRejected
from character_identity.domain.generation import GenerationRequest
from character_identity.domain.identity import Identity, ProviderName
from character_identity.domain.prices import FAL_INSTANT_IMAGE
from character_identity.domain.prose import prose
from character_identity.domain.provenance import MODELS
from character_identity.ports.providers import (
    GenerationOrder,
    GenerationPlan,
    JobsByKind,
    ReferenceImage,
    ReferenceLimits,
)
from character_identity.providers.fal.images import FalImages, image_body
from character_identity.providers.fal.platform import FalPlatform
from character_identity.providers.fal.queue import FalQueue
from character_identity.providers.fal.retention import IMAGES_LIVE_S, inputs_live_s, kept

GUIDANCE_MAX = 20.0
"""https://fal.ai/models/fal-ai/instant-character/llms.txt, read 2026-11-22."""


class InstantImages(FalImages):
    """Conditions every picture on the first reference image, which lies in fal's storage for this one job."""

    endpoint = MODELS["fal-instant"]
    marks = ("image_url",)
    price = FAL_INSTANT_IMAGE

    def prepare(self, references: list[ReferenceImage]) -> str | None:
        reference = references[0]
        return self._queue.upload(
            reference.read(), reference.name, "image/jpeg", lives_s=inputs_live_s(self.deadline_s)
        )

    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        wanted, left_out = prose(request.prompt)
        unwanted, also_left_out = prose(request.negative_prompt or "")
        prompt = wanted or "a picture"  # nothing but commands: fal refuses an empty one
        body, changed = image_body(request, prompt, GUIDANCE_MAX)
        if unwanted:
            body["negative_prompt"] = unwanted
        warnings = dict.fromkeys([*left_out, *also_left_out, *changed])
        return GenerationPlan(body, prompt, list(warnings))

    def body(self, order: GenerationOrder) -> dict[str, Any]:
        if order.reference_url is None:
            raise ProviderRejected("fal-instant", "there is no reference to draw from")
        return {**self.plan(order.identity, order.request).body, "image_url": order.reference_url}


class FalInstantCharacter:
    """Makes images from a reference at once."""

    name: ProviderName = "fal-instant"
    mock = False
    references = ReferenceLimits(minimum=1, maximum=3)
    training = None

    def __init__(self, queue: FalQueue, platform: FalPlatform, simulated: bool = False) -> None:
        self.simulated = simulated
        self._platform = platform
        self.images = InstantImages(queue, platform)
        self.jobs: JobsByKind = {"generation": self.images}

    @property
    def keeps(self) -> str:
        references_s = inputs_live_s(InstantImages.deadline_s)
        return kept(self._platform.may_delete, references_s, images=IMAGES_LIVE_S)
