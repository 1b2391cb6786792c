"""Reads what was sent as a picture."""

import io

from PIL import Image, ImageOps, UnidentifiedImageError

LONGEST_SIDE = 1024
SHORTEST_SIDE = 64
LARGEST_PIXELS = 60_000_000
FORMATS = ("JPEG", "PNG", "WEBP")


class NotAnImage(Exception):
    """The bytes are no picture that can be read."""


def read_photograph(data: bytes) -> Image.Image:
    """The picture upright, in RGB, its sides between ``SHORTEST_SIDE`` and ``LONGEST_SIDE``.

    Raises:
        NotAnImage: no JPEG, PNG or WebP, damaged, or absurdly large.
    """
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > LARGEST_PIXELS:
                raise NotAnImage("too many pixels")
            upright = ImageOps.exif_transpose(image).convert("RGB")
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, SyntaxError, ValueError) as exc:
        raise NotAnImage(str(exc)) from exc
    upright.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    return upright.resize((max(SHORTEST_SIDE, upright.width), max(SHORTEST_SIDE, upright.height)))
