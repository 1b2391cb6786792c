"""What fal's picture endpoints have in common: the fields of a request and the reading of a result."""

from typing import Any

from character_identity.domain.generation import DIMENSIONS, AspectRatio, GenerationRequest, ProducedImage
from character_identity.domain.job import JobHandle
from character_identity.domain.prices import Price, image_ceiling_usd
from character_identity.ports.providers import GenerationStatus
from character_identity.providers.fal.queue import FalQueue

MAX_IMAGES = 4
MAX_STEPS = 50
IMAGE_SIZES: dict[AspectRatio, str] = {
    "1:1": "square_hd",
    "16:9": "landscape_16_9",
    "9:16": "portrait_16_9",
    "4:3": "landscape_4_3",
    "3:4": "portrait_4_3",
}
"""fal's names; https://fal.ai/models/fal-ai/instant-character/llms.txt, read 2026-11-22."""


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


def image_status(queue: FalQueue, handle: JobHandle, price: Price) -> GenerationStatus:
    """Where a picture job stands; the cost is what fal says it bills, at the price per megapixel."""
    if queue.status(handle).state != "COMPLETED":
        return GenerationStatus("running")
    result = queue.result(handle)
    if result is None:
        return GenerationStatus("running")
    if result.output is None:
        return GenerationStatus("failed", reason=result.reason)
    seed = result.output.get("seed")
    flags, entries = (_list(result.output.get(name)) for name in ("has_nsfw_concepts", "images"))
    images = tuple(
        ProducedImage(
            url=_url(entry),
            seed=seed if isinstance(seed, int) else None,
            filtered=index < len(flags) and flags[index] is True,
        )
        for index, entry in enumerate(entries)
    )
    if not any(image.url for image in images):
        return GenerationStatus("failed", reason="fal answered a result without pictures.")
    units = result.billable_units
    return GenerationStatus("generated", images, cost_usd=None if units is None else units * price.amount_usd)


def request_ceiling_usd(request: GenerationRequest, price: Price) -> float:
    """The most that such a request can cost: sides in pixels may be rounded up too, to multiples of 16."""
    width, height = DIMENSIONS[request.aspect_ratio]
    sides = (request.width or width, request.height or height)
    across, down = (-(-side // 16) * 16 for side in sides)
    return image_ceiling_usd(price, across * down, request.num_images)


def _url(image: Any) -> str | None:
    url = image.get("url") if isinstance(image, dict) else None
    return url if isinstance(url, str) and url else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _size(request: GenerationRequest) -> str | dict[str, int]:
    if request.width and request.height:
        return {"width": request.width, "height": request.height}
    return IMAGE_SIZES[request.aspect_ratio]
