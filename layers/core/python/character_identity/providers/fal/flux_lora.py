"""fal-ai/flux-lora-fast-training and fal-ai/flux-lora: trains a LoRA, then draws with it."""

import re
import zipfile
from io import BytesIO

from character_identity.domain.errors import ProviderRejected
from character_identity.domain.generation import GenerationRequest
from character_identity.domain.identity import Identity, ProviderName, with_character
from character_identity.domain.job import JobHandle, JobKind
from character_identity.domain.prices import (
    FAL_LORA_IMAGE,
    FAL_LORA_TRAINING,
    Price,
    image_cost_usd,
    training_ceiling_usd,
    training_cost_usd,
)
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
from character_identity.providers.fal.queue import FalQueue
from character_identity.providers.fal.retention import (
    IMAGES_LIVE_S,
    WEIGHTS_LIVE_S,
    FalProvider,
    inputs_live_s,
    kept,
)

TRAINER = "fal-ai/flux-lora-fast-training"
MODEL = "fal-ai/flux-lora"
GUIDANCE_MAX = 35.0
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


class FalFluxLora(FalProvider):
    """Trains and runs a Flux LoRA through fal's queue.

    ``can_fetch_our_urls`` says whether fal can fetch links to our bucket; where it cannot, on one machine
    with the real fal, it reads its own copy of the weights.
    """

    name: ProviderName = "fal-lora"
    trains = True
    mock = False
    references = ReferenceLimits(minimum=5, maximum=20)
    max_images = MAX_IMAGES
    prices: dict[str, Price] = {"training": FAL_LORA_TRAINING, "image": FAL_LORA_IMAGE}  # noqa: RUF012 - read only
    training_deadline_s = 60 * 60
    generation_deadline_s = 15 * 60
    usual_training_s = 150
    usual_generation_s = 15

    def __init__(self, queue: FalQueue, can_fetch_our_urls: bool) -> None:
        super().__init__(queue)
        self._can_fetch_our_urls = can_fetch_our_urls
        self._weights_live_s = IMAGES_LIVE_S if can_fetch_our_urls else WEIGHTS_LIVE_S
        self.keeps = kept(
            references=inputs_live_s(self.training_deadline_s),
            images=IMAGES_LIVE_S,
            weights=self._weights_live_s,
        )

    def prepare_training(self, references: list[ReferenceImage]) -> str | None:
        archive = training_archive([(reference.name, reference.read()) for reference in references])
        return self._queue.upload(
            archive, "references.zip", "application/zip", lives_s=inputs_live_s(self.training_deadline_s)
        )

    def submit_training(self, order: TrainingOrder) -> JobHandle:
        return self._queue.submit(
            TRAINER,
            {
                "images_data_url": order.archive_url,
                "data_archive_format": "zip",
                "trigger_word": order.trigger_word,
                "steps": order.steps,
            },
            outputs_live_s=self._weights_live_s,
            callback_url=order.callback_url,
        )

    def training_status(self, handle: JobHandle) -> TrainingStatus:
        """Where the training stands, without its cost: in which unit fal bills one is not documented."""
        status = self._queue.status(handle)
        if status.state == "IN_QUEUE":
            return TrainingStatus("queued")
        result = self._queue.result(handle) if status.state == "COMPLETED" else None
        if result is None:
            return TrainingStatus("training", fraction=_fraction(status.messages))
        if result.output is None:
            return TrainingStatus("failed", reason=result.reason)
        file = result.output.get("diffusers_lora_file")
        url = file.get("url") if isinstance(file, dict) else None
        if not isinstance(url, str):
            return TrainingStatus("failed", reason="fal answered a training without weights.")
        return TrainingStatus("trained", weights_url=url)

    def training_estimate_usd(self, steps: int) -> float | None:
        return training_cost_usd(FAL_LORA_TRAINING, steps)

    def training_ceiling_usd(self, steps: int) -> float:
        return training_ceiling_usd(FAL_LORA_TRAINING, steps)

    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        prompt = with_character(request.prompt, identity.name, identity.trigger_word)
        body, warnings = image_body(request, prompt, GUIDANCE_MAX)
        if request.negative_prompt:
            warnings.append("negativePrompt was left out: Flux does not take one.")
        return GenerationPlan(body, prompt, warnings)

    def submit_generation(self, order: GenerationOrder) -> JobHandle:
        weights = order.identity.weights
        if weights is None or order.weights_link is None:
            raise ProviderRejected(self.name, f"the identity {order.identity.identity_id} has no weights")
        path = order.weights_link if self._can_fetch_our_urls else weights.provider_url
        plan = self.plan(order.identity, order.request)
        return self._queue.submit(
            MODEL,
            {**plan.body, "loras": [{"path": path, "scale": 1}]},
            outputs_live_s=IMAGES_LIVE_S,
            callback_url=order.callback_url,
        )

    def generation_status(self, handle: JobHandle, request: GenerationRequest) -> GenerationStatus:
        return image_status(self._queue, handle, FAL_LORA_IMAGE)

    def generation_estimate_usd(self, request: GenerationRequest) -> float | None:
        return image_cost_usd(FAL_LORA_IMAGE, request.pixels, request.num_images)

    def generation_ceiling_usd(self, request: GenerationRequest) -> float:
        return request_ceiling_usd(request, FAL_LORA_IMAGE)

    def job_handle(self, kind: JobKind, provider_job_id: str) -> JobHandle:
        return self._queue.job_handle(TRAINER if kind == "training" else MODEL, provider_job_id)


def training_archive(images: list[tuple[str, bytes]]) -> bytes:
    """A flat ZIP of the pictures, the same bytes for the same pictures: in order, with a fixed date."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in images:
            archive.writestr(zipfile.ZipInfo(name, ZIP_EPOCH), content)
    return out.getvalue()


def _fraction(messages: list[str]) -> float | None:
    """Share of the steps done, from the last log line that counts them (``step 300/1000``)."""
    for message in reversed(messages):
        if (counted := re.search(r"\b(\d+)\s*/\s*(\d+)\b", message)) and int(counted[2]) > 0:
            return int(counted[1]) / int(counted[2])
    return None
