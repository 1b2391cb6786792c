"""Light and film over a finished picture."""

from functools import lru_cache

import numpy as np
from PIL import Image, ImageChops, ImageEnhance, ImageOps

from local.simulators.drawing.styles import Style


def lit(image: Image.Image, style: Style, random: np.random.Generator) -> Image.Image:
    """The picture warmed, darkened or without colour as the style says, with a vignette."""
    side = 1 if random.random() < 0.5 else -1
    if style.warm:
        image = ImageChops.multiply(image, Image.new("RGB", image.size, (255, 226, 184)))
        image = ImageChops.screen(image, _glow(image.size, side))
    if style.dark:
        image = ImageChops.multiply(ImageEnhance.Contrast(image).enhance(1.1), _key_light(image.size, side))
    if style.monochrome:
        grey = ImageOps.autocontrast(ImageOps.grayscale(image), cutoff=1)
        image = ImageEnhance.Contrast(grey).enhance(1.35).convert("RGB")
    return ImageChops.multiply(image, _vignette(image.size))


def _glow(size: tuple[int, int], side: int) -> Image.Image:
    down, across = np.mgrid[0:1:48j, -1:1:48j]
    light = np.exp(-((across - 0.75 * side) ** 2 / 0.3 + (down - 0.4) ** 2 / 0.12))[..., None] * np.array(
        [190, 120, 50]
    )
    return Image.fromarray(light.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)


def _key_light(size: tuple[int, int], side: int) -> Image.Image:
    """One lamp high on one side: half of the face lit, the rest falling into shadow."""
    down, across = np.mgrid[0:1:48j, -1:1:48j]
    lit = np.exp(-((across - 0.22 * side) ** 2 / 0.2 + (down - 0.34) ** 2 / 0.16))
    light = (0.3 + 0.7 * lit)[..., None] * np.array([255, 236, 206])
    return Image.fromarray(light.astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)


@lru_cache(maxsize=8)
def _vignette(size: tuple[int, int]) -> Image.Image:
    down, across = np.mgrid[-1:1:48j, -1:1:48j]
    light = 255 - 70 * np.clip((across**2 + down**2) / 2, 0, 1) ** 1.5
    return Image.fromarray(np.repeat(light.astype(np.uint8)[..., None], 3, axis=2)).resize(
        size, Image.Resampling.BICUBIC
    )
