"""From a decoded picture to the pixels an encoder sees; the same on every machine, and versioned.

Pillow's bicubic resize of the shorter side, then the centre with the margin rounded down: to the pixel what
the CLIPImageProcessor of transformers does. Decoding does what that leaves open, as for every picture:
EXIF orientation and colour profile are applied, transparency is laid on white, 16-bit grey is scaled.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.image_quality import BLACK_LEVEL
from character_identity.images.opening import MAX_PIXELS, too_large

VERSION = "v2"
"""Raise it when a picture's pixels may come out differently; cached embeddings and scores carry it."""

OVERSHOOT = 2
"""Bicubic resizing makes no level brighter than this times: its weights above zero add up to 9/8 along either
side. So where the resized picture is brighter, the original's many pixels need not be looked at."""

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Preprocessing:
    """Resizes the shorter side to ``resize_to`` pixels and cuts out the centre of ``input_size``."""

    resize_to: int
    input_size: int

    @property
    def name(self) -> str:
        return f"bicubic-{self.resize_to}-crop-{self.input_size}-{VERSION}"

    def pixels_of(self, image: Image.Image) -> Pixels:
        """Return the encoder's input, ``input_size`` x ``input_size`` x RGB, of a decoded picture.

        Raises:
            InvalidRequest: ``image_too_large`` or ``black_image``.
        """
        shorter = min(image.size)
        width, height = (int(self.resize_to * side / shorter) for side in image.size)
        if width * height > MAX_PIXELS:
            raise too_large()
        left, top = (width - self.input_size) // 2, (height - self.input_size) // 2
        resized = image.resize((width, height), Image.Resampling.BICUBIC)
        pixels = np.asarray(resized.crop((left, top, left + self.input_size, top + self.input_size)))
        if pixels.max() <= OVERSHOOT * BLACK_LEVEL and _is_black(image):
            raise InvalidRequest("The picture is black: a safety filter blanked it.", code="black_image")
        return pixels


def _is_black(image: Image.Image) -> bool:
    brightest = max(high for _, high in image.getextrema())  # type: ignore[misc]  # of three bands
    return brightest <= BLACK_LEVEL
