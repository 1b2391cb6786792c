"""Prices: the dollars that a training or an image costs, by request parameters. Unknown is None, never zero.

A cost is what we expect; a ceiling is the most that it can come to where the documents leave it open.
"""

import math
from dataclasses import dataclass

MEGAPIXEL = 1_048_576
"""Pixels that fal counts as one; whether it rounds is not documented, so an estimate rounds nothing."""
SMALLEST_MEGAPIXEL = 1_000_000
"""The dearer reading of the word: 1024 x 1024 pixels are then more than one, and so two when rounded up."""


@dataclass(frozen=True)
class Price:
    """An amount of dollars per unit, with where it was read and when (ISO date)."""

    amount_usd: float
    unit: str
    source: str
    read_on: str


FAL_INSTANT_IMAGE = Price(
    0.10, "megapixel", "https://fal.ai/models/fal-ai/instant-character/llms.txt", "2026-11-22"
)
FAL_LORA_IMAGE = Price(0.035, "megapixel", "https://fal.ai/models/fal-ai/flux-lora", "2026-11-22")
FAL_LORA_TRAINING = Price(
    2.00, "1000 steps", "https://fal.ai/models/fal-ai/flux-lora-fast-training", "2026-11-22"
)
MILLICENTS_PER_USD = 100_000
"""Astria reports ``cost_mc`` in millicents; https://github.com/astriaai/cli, read 2026-11-22.

Its prices for a Flux tune and for Flux pictures are not published in a form we could read: no estimate.
"""
ASTRIA_TUNE_CEILING_USD = 5.00
"""Assumed; Astria publishes no price that could be read. The SD1.5 tariff of old was 1.50 a tune."""
ASTRIA_IMAGE_CEILING_USD = 0.20
"""Assumed; Astria publishes no price that could be read. The SD1.5 tariff of old was 0.10 a prompt."""


def image_cost_usd(price: Price, pixels: int, count: int) -> float:
    """Dollars for ``count`` pictures of ``pixels`` pixels at a price per megapixel."""
    return price.amount_usd * pixels / MEGAPIXEL * count


def image_ceiling_usd(price: Price, pixels: int, count: int) -> float:
    """The most that so many pictures can cost: each rounded up to whole megapixels of the smaller kind."""
    return price.amount_usd * math.ceil(pixels / SMALLEST_MEGAPIXEL) * count


def training_cost_usd(price: Price, steps: int) -> float:
    """Dollars for a training of ``steps`` steps; fal scales linearly with the steps."""
    return price.amount_usd * steps / 1000


def training_ceiling_usd(price: Price, steps: int) -> float:
    """The most that a training can cost: by started thousands of steps, since a least charge may apply."""
    return price.amount_usd * math.ceil(steps / 1000)
