"""Reads pictures that come from others: capped before decoding, judged, and made plain."""

import hashlib
import struct
import warnings
from dataclasses import dataclass
from io import BytesIO

from PIL import Image, ImageOps, UnidentifiedImageError

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.image_quality import BLACK_LEVEL, ImageQuality
from character_identity.domain.reference_set import PerceptualHash
from character_identity.images.measures import measure_quality, perceptual_hash

MAX_PIXELS = 50_000_000
MIN_SIDE, MAX_SIDE = 256, 65_500
"""Pixels; a reference image with a shorter side shows too little of a face; a JPEG holds no longer one."""
THUMBNAIL_SIDE = 512
"""Pixels of the longer side: enough for an encoder and to find faces, and 20 of them go in one call."""
SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}
_BROKEN = (UnidentifiedImageError, OSError, SyntaxError, ValueError, EOFError, struct.error)


@dataclass(frozen=True)
class ImageFacts:
    """Facts from decoding: MIME type, file suffix, size in pixels, and whether it is black all over."""

    content_type: str
    suffix: str
    width: int
    height: int
    blank: bool


@dataclass(frozen=True)
class PreparedImage:
    """A reference image as it will be stored, equal bytes for equal pixels, and what was measured of it.

    ``perceptual_hash.content`` is the SHA-256 of these bytes, ``thumbnail`` a small JPEG of it.
    """

    jpeg: bytes
    thumbnail: bytes
    perceptual_hash: PerceptualHash
    quality: ImageQuality


def inspect(content: bytes) -> ImageFacts:
    """Decode a picture whole and say what it is.

    Raises:
        InvalidRequest: it is not a JPEG, PNG or WebP that decodes, or it has more than MAX_PIXELS pixels.
    """
    try:
        with _opened(content) as image:
            brightest = image.convert("L").getextrema()[1]
            return ImageFacts(
                content_type=Image.MIME[str(image.format)],
                suffix=SUFFIXES[str(image.format)],
                width=image.width,
                height=image.height,
                blank=not isinstance(brightest, int | float) or brightest <= BLACK_LEVEL,
            )
    except _BROKEN as exc:
        raise _unreadable() from exc


def prepare(content: bytes, limit_bytes: int) -> PreparedImage:
    """The picture turned upright, in RGB on white, without metadata; and what the checks need of it.

    Raises:
        InvalidRequest: as ``inspect``; a side is too short or too long; or it stays above ``limit_bytes``.
    """
    picture = _upright(content)
    jpeg = _jpeg_within(picture, limit_bytes)
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BICUBIC, reducing_gap=2)
    return PreparedImage(
        jpeg=jpeg,
        thumbnail=_jpeg(picture, quality=90),
        perceptual_hash=perceptual_hash(picture, hashlib.sha256(jpeg).hexdigest()),
        quality=measure_quality(picture),
    )


def _upright(content: bytes) -> Image.Image:
    try:
        with _opened(content) as image:
            if min(image.size) < MIN_SIDE:
                raise InvalidRequest(
                    f"The picture has {image.width}x{image.height} pixels; {MIN_SIDE} a side are needed.",
                    code="image_too_small",
                )
            if max(image.size) > MAX_SIDE:
                raise InvalidRequest(f"A side has more than {MAX_SIDE} pixels.", code="image_too_large")
            upright = _in_eight_bits(ImageOps.exif_transpose(image)).convert("RGBA")
    except _BROKEN as exc:
        raise _unreadable() from exc
    flat = Image.new("RGB", upright.size, "white")
    flat.paste(upright, mask=upright.getchannel("A"))
    return flat


def _in_eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits scaled; Pillow would clip it, and nearly all of it to white."""
    if not image.mode.startswith("I"):
        return image
    return image.convert("I").point(lambda level: level * (1 / 256)).convert("L")


def _jpeg_within(picture: Image.Image, limit_bytes: int) -> bytes:
    """Return a JPEG as good as it can be within the limit."""
    for options in ({"quality": 95, "subsampling": 0}, {"quality": 85}):
        jpeg = _jpeg(picture, **options)
        if len(jpeg) <= limit_bytes:
            return jpeg
    raise InvalidRequest(f"The picture has more than {limit_bytes} bytes as JPEG.", code="image_too_large")


def _jpeg(picture: Image.Image, **options: int) -> bytes:
    out = BytesIO()
    picture.save(out, "JPEG", **options)
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
