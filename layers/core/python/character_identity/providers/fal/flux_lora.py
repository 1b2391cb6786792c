"""fal-ai/flux-lora-fast-training and fal-ai/flux-lora: trains a LoRA, then draws with it."""

import re
import zipfile
from collections.abc import Mapping
from datetime import timedelta
from io import BytesIO
from typing import Any

from character_identity.domain.errors import ProviderRejected
from character_identity.domain.generation import GenerationRequest
from character_identity.domain.identity import Identity, ProviderName
from character_identity.domain.job import JobHandle
from character_identity.domain.prices import (
    FAL_LORA_IMAGE,
    FAL_LORA_TRAINING,
    Price,
    training_ceiling_usd,
    training_cost_usd,
)
from character_identity.domain.prose import prose_naming
from character_identity.domain.provenance import MODELS
from character_identity.ports.providers import (
    Estimate,
    GenerationOrder,
    GenerationPlan,
    JobsByKind,
    ReferenceImage,
    ReferenceLimits,
    TrainingOrder,
    TrainingStatus,
)
from character_identity.providers.answers import entries, link
from character_identity.providers.fal.images import FalImages, image_body
from character_identity.providers.fal.jobs import FalJobs, Mark
from character_identity.providers.fal.platform import FalPlatform
from character_identity.providers.fal.queue import FalQueue
from character_identity.providers.fal.retention import IMAGES_LIVE_S, WEIGHTS_LIVE_S, inputs_live_s, kept

GUIDANCE_MAX = 35.0
"""By the OpenAPI document of fal-ai/flux-lora, as of 2026-01-28; docs/contracts.md."""
COUNTED = re.compile(r"(?<![\w./-])(\d{1,7})\s*/\s*(\d{1,7})(?![\w/-]|\.\d)")
OTHER_WORK = re.compile(
    r"load|fetch|sav|checkpoint|shard|cach|encod|latent|caption|component|zip|extract|resiz|warm",
    re.IGNORECASE,
)
"""What a trainer counts besides its steps: "Loading pipeline components 7/7", "saving checkpoint 1/4"."""
ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)


class FluxLoraTrainer(FalJobs):
    """Trains a Flux LoRA from an archive of the references; fal keeps the weights so many seconds."""

    endpoint = "fal-ai/flux-lora-fast-training"
    marks = ("images_data_url",)
    starts_within = timedelta(minutes=15)
    prices: Mapping[str, Price] = {"training": FAL_LORA_TRAINING}
    deadline_s = 60 * 60
    usual_s = 150

    def __init__(self, queue: FalQueue, platform: FalPlatform, weights_live_s: int) -> None:
        super().__init__(queue, platform)
        self.outputs_live_s = weights_live_s

    def prepare(self, references: list[ReferenceImage]) -> str | None:
        archive = training_archive([(reference.name, reference.read()) for reference in references])
        return self._queue.upload(
            archive, "references.zip", "application/zip", lives_s=inputs_live_s(self.deadline_s)
        )

    def estimate(self, request: int) -> Estimate:
        return Estimate(
            training_cost_usd(FAL_LORA_TRAINING, request), training_ceiling_usd(FAL_LORA_TRAINING, request)
        )

    def body(self, order: TrainingOrder) -> dict[str, Any]:
        return {
            "images_data_url": order.archive_url,
            "data_archive_format": "zip",
            "trigger_word": order.trigger_word,
            "steps": order.steps,
        }

    def longest_run(self, order: TrainingOrder) -> timedelta:
        """Four times what was seen for a thousand steps, and as much more for more of them; assumed."""
        return timedelta(seconds=4 * self.usual_s * max(order.steps / 1000, 1))

    def status(self, handle: JobHandle, request: int) -> TrainingStatus:
        """Return the training's status, without its cost, unless it failed for nothing.

        In which unit fal bills is not documented, and none is none in any.
        """
        status = self._queue.status(handle)
        if status.state == "IN_QUEUE":
            return TrainingStatus("queued", queue_position=status.queue_position)
        result = self.result(handle) if status.state == "COMPLETED" else None
        if result is None:
            return TrainingStatus("running", fraction=_fraction(status.messages, request))
        if result.output is None:
            cost_usd = 0 if result.billable_units == 0 else None
            return TrainingStatus(result.ending, cost_usd=cost_usd, reason=result.reason)
        url = link(result.output.get("diffusers_lora_file"))
        if url is None:
            return TrainingStatus("failed", reason="fal answered a training without weights.", is_odd=True)
        return TrainingStatus("done", took_s=status.took_s, weights_url=url)


class FluxLoraImages(FalImages):
    """Draws with a LoRA: with our copy, or with fal's own where fal cannot fetch links to our bucket."""

    endpoint = MODELS["fal-lora"]
    marks = ("prompt", "seed")
    price = FAL_LORA_IMAGE

    def __init__(self, queue: FalQueue, platform: FalPlatform, can_fetch_our_urls: bool) -> None:
        super().__init__(queue, platform)
        self._can_fetch_our_urls = can_fetch_our_urls

    def prepare(self, references: list[ReferenceImage]) -> str | None:
        return None

    def plan(self, identity: Identity, request: GenerationRequest) -> GenerationPlan:
        prompt, left_out = prose_naming(request.prompt, identity.name, identity.trigger_word)
        body, changed = image_body(request, prompt, GUIDANCE_MAX)
        warnings = [*left_out, *changed]
        if request.negative_prompt:
            warnings.append("negativePrompt was left out: Flux does not take one.")
        return GenerationPlan(body, prompt, warnings)

    def body(self, order: GenerationOrder) -> dict[str, Any]:
        weights = order.identity.weights
        if weights is None or order.weights_link is None:
            raise ProviderRejected("fal-lora", f"the identity {order.identity.identity_id} has no weights")
        path = order.weights_link if self._can_fetch_our_urls else weights.provider_url
        return {**self.plan(order.identity, order.request).body, "loras": [{"path": path, "scale": 1}]}

    def _mark(self, sent: dict[str, Any]) -> Mark:
        """With the weights, whose link is signed anew each time."""
        lora = next(iter(entries(sent.get("loras"))), None)
        path = link(lora.get("path")) if isinstance(lora, dict) else None
        return (*super()._mark(sent), path and path.partition("?")[0])


class FalFluxLora:
    """Trains and runs a Flux LoRA through fal's queue.

    ``can_fetch_our_urls`` says whether fal can fetch links to our bucket; where it cannot, on one machine
    with the real fal, it keeps its own copy of the weights for longer.
    """

    name: ProviderName = "fal-lora"
    mock = False
    references = ReferenceLimits(minimum=5, maximum=20)

    def __init__(
        self, queue: FalQueue, platform: FalPlatform, can_fetch_our_urls: bool, simulated: bool = False
    ) -> None:
        self.simulated = simulated
        weights_live_s = IMAGES_LIVE_S if can_fetch_our_urls else WEIGHTS_LIVE_S
        self._platform = platform
        self.training = FluxLoraTrainer(queue, platform, weights_live_s)
        self.images = FluxLoraImages(queue, platform, can_fetch_our_urls)
        self.jobs: JobsByKind = {"training": self.training, "generation": self.images}

    @property
    def keeps(self) -> str:
        return kept(
            self._platform.may_delete,
            inputs_live_s(FluxLoraTrainer.deadline_s),
            images=self.images.outputs_live_s,
            weights=self.training.outputs_live_s,
        )


def training_archive(images: list[tuple[str, bytes]]) -> bytes:
    """A flat ZIP of the pictures, the same bytes for the same pictures: in order, with a fixed date."""
    out = BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, content in images:
            archive.writestr(zipfile.ZipInfo(name, ZIP_EPOCH), content)
    return out.getvalue()


def _fraction(messages: list[str], steps: int) -> float | None:
    """Share of the steps done, from the last log line that counts to ``steps`` (``step 300/1000``).

    What else is counted is of another number, or says that it is something else. A message may have many
    lines: a bar is drawn anew behind a carriage return.
    """
    for line in reversed([line for message in messages for line in message.splitlines()]):
        if OTHER_WORK.search(line):
            continue
        for counted in COUNTED.finditer(line):
            done, total = int(counted[1]), int(counted[2])
            if done <= total == steps:
                return done / total
    return None
