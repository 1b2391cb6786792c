"""From a picture's bytes to the pixels an encoder sees; the same on every machine, and versioned.

Pillow's bicubic resize of the shorter side, then the centre with the margin rounded down: to the pixel what
the CLIPImageProcessor of transformers does. Before it, what that leaves open: EXIF orientation is applied,
transparency is laid on white, 16-bit grey is scaled.
"""

import struct
import warnings
from dataclasses import dataclass
from io import BytesIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.image_quality import BLACK_LEVEL
from character_identity.images.decoding import MAX_PIXELS

VERSION = "v1"
"""Raise it when a picture's pixels may come out differently; cached embeddings and scores carry it."""
FORMATS = ("JPEG", "PNG", "WEBP")

Pixels = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Preprocessing:
    """Resizes the shorter side to ``resize_to`` pixels and cuts out the centre of ``input_size``."""

    resize_to: int
    input_size: int

    @property
    def name(self) -> str:
        return f"bicubic-{self.resize_to}-crop-{self.input_size}-{VERSION}"

    def pixels(self, data: bytes) -> Pixels:
        """Return the encoder's input, ``input_size`` x ``input_size`` x RGB.

        Raises:
            InvalidRequest: ``unreadable_image``, ``image_too_large`` or ``black_image``.
        """
        image = _decode(data)
        if np.asarray(image).max() <= BLACK_LEVEL:
            raise InvalidRequest("The picture is black: a safety filter blanked it.", code="black_image")
        shorter = min(image.size)
        width, height = (int(self.resize_to * side / shorter) for side in image.size)
        if width * height > MAX_PIXELS:
            raise _too_large()
        left, top = (width - self.input_size) // 2, (height - self.input_size) // 2
        resized = image.resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(resized.crop((left, top, left + self.input_size, top + self.input_size)))


def _decode(data: bytes) -> Image.Image:
    """Return an upright RGB picture."""
    try:
        with warnings.catch_warnings():
            # Pillow warns of large pictures; the limit below is lower, and holds before anything is decoded.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(BytesIO(data), formats=FORMATS)
        if image.width * image.height > MAX_PIXELS:
            raise _too_large()
        return _rgb(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError as error:
        raise _too_large() from error
    except (OSError, SyntaxError, ValueError, EOFError, struct.error) as error:
        raise InvalidRequest("The file is no readable JPEG, PNG or WebP.", code="unreadable_image") from error


def _rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        grey = (np.asarray(image) >> 8).astype(np.uint8)
        return Image.fromarray(grey).convert("RGB")
    if image.has_transparency_data:
        white = Image.new("RGBA", image.size, "white")
        return Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    return image.convert("RGB")


def _too_large() -> InvalidRequest:
    return InvalidRequest(f"The picture has or would get over {MAX_PIXELS:,} pixels.", code="image_too_large")
