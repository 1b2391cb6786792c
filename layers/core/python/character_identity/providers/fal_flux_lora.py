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
from character_identity.ports import (
    GenerationOrder,
    GenerationPlan,
    ProviderGeneration,
    ReferenceLimits,
    ReferencePicture,
    TrainingOrder,
    TrainingStatus,
)
from character_identity.providers.fal_pictures import (
    MAX_IMAGES,
    picture_body,
    picture_ceiling_usd,
    picture_status,
)
from character_identity.providers.fal_provider import (
    PICTURES_LIVE_S,
    WEIGHTS_LIVE_S,
    FalProvider,
    inputs_live_s,
    kept,
)
from character_identity.providers.fal_queue import FalQueue

TRAINER = "fal-ai/flux-lora-fast-training"
MODEL = "fal-ai/flux-lora"
GUIDANCE_MAX = 35.0
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


class FalFluxLora(FalProvider):
    """Trains and runs a Flux LoRA through fal's queue.

    ``links_reach`` says whether fal can fetch links to our bucket; where it cannot, on one machine with the
    real fal, it reads its own copy of the weights.
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

    def __init__(self, queue: FalQueue, links_reach: bool) -> None:
        super().__init__(queue)
        self._links_reach = links_reach
        self._weights_live_s = PICTURES_LIVE_S if links_reach else WEIGHTS_LIVE_S
        self.keeps = kept(
            references=inputs_live_s(self.training_deadline_s),
            pictures=PICTURES_LIVE_S,
            weights=self._weights_live_s,
        )

    def prepare_training(self, references: list[ReferencePicture]) -> str | None:
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
        body, warnings = picture_body(request, prompt, GUIDANCE_MAX)
        if request.negative_prompt:
            warnings.append("negativePrompt was left out: Flux does not take one.")
        return GenerationPlan(body, prompt, warnings)

    def submit_generation(self, order: GenerationOrder) -> JobHandle:
        weights = order.identity.weights
        if weights is None or order.weights_link is None:
            raise ProviderRejected(self.name, f"the identity {order.identity.identity_id} has no weights")
        path = order.weights_link if self._links_reach else weights.provider_url
        plan = self.plan(order.identity, order.request)
        return self._queue.submit(
            MODEL,
            {**plan.body, "loras": [{"path": path, "scale": 1}]},
            outputs_live_s=PICTURES_LIVE_S,
            callback_url=order.callback_url,
        )

    def generation_status(self, handle: JobHandle, request: GenerationRequest) -> ProviderGeneration:
        return picture_status(self._queue, handle, FAL_LORA_IMAGE)

    def generation_estimate_usd(self, request: GenerationRequest) -> float | None:
        return image_cost_usd(FAL_LORA_IMAGE, request.pixels, request.num_images)

    def generation_ceiling_usd(self, request: GenerationRequest) -> float:
        return picture_ceiling_usd(request, FAL_LORA_IMAGE)

    def handle_of(self, kind: JobKind, provider_job_id: str) -> JobHandle:
        return self._queue.handle_of(TRAINER if kind == "training" else MODEL, provider_job_id)


def training_archive(pictures: list[tuple[str, bytes]]) -> bytes:
    """A flat ZIP of the pictures, the same bytes for the same pictures: in order, with a fixed date."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in pictures:
            archive.writestr(zipfile.ZipInfo(name, ZIP_EPOCH), content)
    return out.getvalue()


def _fraction(messages: list[str]) -> float | None:
    """Share of the steps done, from the last log line that counts them (``step 300/1000``)."""
    for message in reversed(messages):
        if (counted := re.search(r"\b(\d+)\s*/\s*(\d+)\b", message)) and int(counted[2]) > 0:
            return int(counted[1]) / int(counted[2])
    return None
