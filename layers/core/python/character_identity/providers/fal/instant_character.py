"""fal-ai/instant-character: one reference picture and a prompt, no training."""

from character_identity.domain.errors import InvalidRequest, ProviderRejected
from character_identity.domain.generation import GenerationRequest
from character_identity.domain.identity import Identity, ProviderName
from character_identity.domain.job import JobHandle, JobKind
from character_identity.domain.prices import FAL_INSTANT_IMAGE, Price, image_cost_usd
from character_identity.ports.providers import (
    GenerationOrder,
    GenerationPlan,
    GenerationStatus,
    ReferenceImage,
    ReferenceLimits,
    TrainingOrder,
    TrainingStatus,
)
from character_identity.providers.fal.images import (
    MAX_IMAGES,
    image_body,
    image_status,
    request_ceiling_usd,
)
from character_identity.providers.fal.retention import IMAGES_LIVE_S, FalProvider, inputs_live_s, kept

ENDPOINT = "fal-ai/instant-character"
GUIDANCE_MAX = 20.0
"""https://fal.ai/models/fal-ai/instant-character/llms.txt, read 2026-11-22."""


class FalInstantCharacter(FalProvider):
    """Conditions every picture on the first reference image, which is put into fal's storage each time."""

    name: ProviderName = "fal-instant"
    trains = False
    mock = False
    references = ReferenceLimits(minimum=1, maximum=3)
    max_images = MAX_IMAGES
    prices: dict[str, Price] = {"image": FAL_INSTANT_IMAGE}  # noqa: RUF012 - read only
    training_deadline_s = 0
    generation_deadline_s = 15 * 60
    usual_training_s = 0
    usual_generation_s = 15
    keeps = kept(references=inputs_live_s(generation_deadline_s), images=IMAGES_LIVE_S)

    def prepare_training(self, references: list[ReferenceImage]) -> str | None:
        return None

    def submit_training(self, order: TrainingOrder) -> JobHandle:
        raise ProviderRejected(self.name, "does not train")

    def training_status(self, handle: JobHandle) -> TrainingStatus:
        raise ProviderRejected(self.name, "does not train")

    def training_estimate_usd(self, steps: int) -> float | None:
        return 0.0

    def training_ceiling_usd(self, steps: int) -> float:
        return 0.0

    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        body, warnings = image_body(request, request.prompt, GUIDANCE_MAX)
        if request.negative_prompt:
            body["negative_prompt"] = request.negative_prompt
        return GenerationPlan(body, request.prompt, warnings)

    def submit_generation(self, order: GenerationOrder) -> JobHandle:
        reference = order.references[0]
        image_url = self._queue.upload(
            reference.read(),
            reference.name,
            "image/jpeg",
            lives_s=inputs_live_s(self.generation_deadline_s),
        )
        plan = self.plan(order.identity, order.request)
        return self._queue.submit(
            ENDPOINT,
            {**plan.body, "image_url": image_url},
            outputs_live_s=IMAGES_LIVE_S,
            callback_url=order.callback_url,
        )

    def generation_status(self, handle: JobHandle, request: GenerationRequest) -> GenerationStatus:
        return image_status(self._queue, handle, FAL_INSTANT_IMAGE)

    def generation_estimate_usd(self, request: GenerationRequest) -> float | None:
        return image_cost_usd(FAL_INSTANT_IMAGE, request.pixels, request.num_images)

    def generation_ceiling_usd(self, request: GenerationRequest) -> float:
        return request_ceiling_usd(request, FAL_INSTANT_IMAGE)

    def job_handle(self, kind: JobKind, provider_job_id: str) -> JobHandle:
        if kind == "training":
            raise InvalidRequest(f"{self.name} does not train.")
        return self._queue.job_handle(ENDPOINT, provider_job_id)
