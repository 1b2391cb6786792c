"""Light and film over a finished picture."""

import numpy as np
from PIL import Image, ImageChops, ImageEnhance, ImageOps

from local.providers.looks import Look


def lit(picture: Image.Image, look: Look, random: np.random.Generator) -> Image.Image:
    """The picture warmed, darkened or without colour as the look says, with a vignette."""
    side = 1 if random.random() < 0.5 else -1
    if look.warm:
        picture = ImageChops.multiply(picture, Image.new("RGB", picture.size, (255, 226, 184)))
        picture = ImageChops.screen(picture, _glow(picture.size, side))
    if look.dark:
        picture = ImageChops.multiply(
            ImageEnhance.Contrast(picture).enhance(1.1), _key_light(picture.size, side)
        )
    if look.monochrome:
        grey = ImageOps.autocontrast(ImageOps.grayscale(picture), cutoff=1)
        picture = ImageEnhance.Contrast(grey).enhance(1.35).convert("RGB")
    return ImageChops.multiply(picture, _vignette(picture.size))


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


def _vignette(size: tuple[int, int]) -> Image.Image:
    down, across = np.mgrid[-1:1:48j, -1:1:48j]
    light = 255 - 70 * np.clip((across**2 + down**2) / 2, 0, 1) ** 1.5
    return Image.fromarray(np.repeat(light.astype(np.uint8)[..., None], 3, axis=2)).resize(
        size, Image.Resampling.BICUBIC
    )
