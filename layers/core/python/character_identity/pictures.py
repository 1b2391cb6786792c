"""Reads pictures that come from others: capped before decoding, judged, and made plain."""

import warnings
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from character_identity.domain.errors import InvalidRequest

MAX_PIXELS = 50_000_000
MIN_SIDE = 256
"""Pixels; a reference image with a shorter side shows too little of a face."""
BLANK_LEVEL = 4
"""A picture no brighter than this, of 255, is a blanked frame: fal paints refused pictures black."""
SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
_BROKEN = (UnidentifiedImageError, OSError, SyntaxError, ValueError)


@dataclass(frozen=True)
class PictureFacts:
    """What decoding told: MIME type, file suffix, size in pixels, and whether it is black all over."""

    content_type: str
    suffix: str
    width: int
    height: int
    blank: bool


def inspect(content: bytes) -> PictureFacts:
    """Decode a picture whole and say what it is.

    Raises:
        InvalidRequest: it is not a JPEG, PNG or WebP that decodes, or it has more than MAX_PIXELS pixels.
    """
    try:
        with _opened(content) as image:
            brightest = image.convert("L").getextrema()[1]
            return PictureFacts(
                content_type=Image.MIME[str(image.format)],
                suffix=SUFFIXES[str(image.format)],
                width=image.width,
                height=image.height,
                blank=not isinstance(brightest, int | float) or brightest <= BLANK_LEVEL,
            )
    except _BROKEN as exc:
        raise _unreadable() from exc


def upright_jpeg(content: bytes) -> bytes:
    """The picture turned upright, in RGB on white, without metadata, as JPEG.

    Raises:
        InvalidRequest: as ``inspect``, or a side is shorter than MIN_SIDE.
    """
    try:
        with _opened(content) as image:
            if min(image.size) < MIN_SIDE:
                raise InvalidRequest(
                    f"The picture has {image.width}x{image.height} pixels; {MIN_SIDE} a side are needed.",
                    code="image_too_small",
                )
            upright = ImageOps.exif_transpose(image).convert("RGBA")
    except _BROKEN as exc:
        raise _unreadable() from exc
    flat = Image.new("RGB", upright.size, "white")
    flat.paste(upright, mask=upright.getchannel("A"))
    out = BytesIO()
    flat.save(out, "JPEG", quality=95, subsampling=0)
    return out.getvalue()


def _opened(content: bytes) -> Image.Image:
    """The picture with its header read, and nothing decoded yet."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own, lower limit follows
        try:
            image = Image.open(BytesIO(content), formats=list(SUFFIXES))
        except Image.DecompressionBombError as exc:
            raise _too_large() from exc
    if image.width * image.height > MAX_PIXELS:
        raise _too_large()
    return image


def _too_large() -> InvalidRequest:
    return InvalidRequest(f"The picture has more than {MAX_PIXELS} pixels.", code="image_too_large")


def _unreadable() -> InvalidRequest:
    return InvalidRequest("The file cannot be read as a JPEG, PNG or WebP picture.", code="unreadable_image")
