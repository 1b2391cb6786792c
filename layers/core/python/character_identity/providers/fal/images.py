"""What fal's picture endpoints have in common: a request's fields and price, and reading its result."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from character_identity.domain.generation import DIMENSIONS, AspectRatio, GenerationRequest, ProducedImage
from character_identity.domain.job import JobHandle
from character_identity.domain.prices import Price, image_ceiling_usd, image_cost_usd
from character_identity.ports.providers import Estimate, GenerationOrder, GenerationStatus
from character_identity.providers.answers import entries, number, picture, whole
from character_identity.providers.fal.jobs import FalJobs
from character_identity.providers.fal.retention import IMAGES_LIVE_S

MAX_STEPS = 50
IMAGE_SIZES: dict[AspectRatio, str] = {
    "1:1": "square_hd",
    "16:9": "landscape_16_9",
    "9:16": "portrait_16_9",
    "4:3": "landscape_4_3",
    "3:4": "portrait_4_3",
}
"""fal's names; https://fal.ai/models/fal-ai/instant-character/llms.txt, read 2026-11-22."""


class FalImages(FalJobs):
    """Pictures of one endpoint, at a price per megapixel."""

    price: Price
    starts_within = timedelta(minutes=5)
    outputs_live_s = IMAGES_LIVE_S
    max_images = 4
    deadline_s = 15 * 60
    usual_s = 15

    def longest_run(self, order: GenerationOrder) -> timedelta:
        """Ten times and more what four pictures take; assumed."""
        return timedelta(minutes=3)

    @property
    def prices(self) -> Mapping[str, Price]:
        return {"image": self.price}

    def estimate(self, request: GenerationRequest) -> Estimate:
        """The ceiling counts sides in pixels rounded up to multiples of 16, as fal may."""
        width, height = DIMENSIONS[request.aspect_ratio]
        sides = (request.width or width, request.height or height)
        across, down = (-(-side // 16) * 16 for side in sides)
        return Estimate(
            image_cost_usd(self.price, request.pixels, request.num_images),
            image_ceiling_usd(self.price, across * down, request.num_images),
        )

    def status(self, handle: JobHandle, request: GenerationRequest) -> GenerationStatus:
        """Return a picture job's status; the cost is what fal says it bills, at the price per megapixel."""
        status = self._queue.status(handle)
        if status.state == "IN_QUEUE":
            return GenerationStatus("queued", queue_position=status.queue_position)
        result = self.result(handle) if status.state == "COMPLETED" else None
        if result is None:
            return GenerationStatus("running")
        units = result.billable_units
        cost_usd = None if units is None else units * self.price.amount_usd
        if result.output is None:
            return GenerationStatus(result.ending, cost_usd=cost_usd, reason=result.reason)
        images = _images(result.output)[: self.max_images]
        if not any(image.url for image in images):
            reason = "fal answered a result without pictures."
            return GenerationStatus("failed", cost_usd=cost_usd, reason=reason, is_odd=True)
        took_s = status.took_s if status.took_s is not None else _inference_s(result.output)
        return GenerationStatus("done", cost_usd=cost_usd, took_s=took_s, images=images)


def image_body(
    request: GenerationRequest, prompt: str, guidance_max: float
) -> tuple[dict[str, Any], list[str]]:
    """The fields that all picture endpoints take, and what was changed to fit, in sentences."""
    body: dict[str, Any] = {
        "prompt": prompt,
        "image_size": _size(request),
        "seed": request.seed,
        "num_images": request.num_images,
        "enable_safety_checker": True,
        "output_format": "jpeg",
    }
    warnings = []
    if request.guidance_scale is not None:
        body["guidance_scale"] = min(request.guidance_scale, guidance_max)
        if request.guidance_scale > guidance_max:
            warnings.append(f"guidanceScale was lowered to {guidance_max:g}, the most that fal takes.")
    if request.num_inference_steps is not None:
        body["num_inference_steps"] = min(request.num_inference_steps, MAX_STEPS)
        if request.num_inference_steps > MAX_STEPS:
            warnings.append(f"numInferenceSteps was lowered to {MAX_STEPS}, the most that fal takes.")
    return body, warnings


def _images(output: dict[str, Any]) -> tuple[ProducedImage, ...]:
    seed, flags = whole(output.get("seed")), entries(output.get("has_nsfw_concepts"))
    return tuple(
        picture(image).replace(seed=seed, filtered=index < len(flags) and flags[index] is True)
        for index, image in enumerate(entries(output.get("images")))
    )


def _inference_s(output: dict[str, Any]) -> float | None:
    """The seconds that the model ran, as it says itself."""
    timings = output.get("timings")
    return number(timings.get("inference")) if isinstance(timings, dict) else None


def _size(request: GenerationRequest) -> str | dict[str, int]:
    if request.width and request.height:
        return {"width": request.width, "height": request.height}
    return IMAGE_SIZES[request.aspect_ratio]
