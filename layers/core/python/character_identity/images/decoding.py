"""Reads pictures that come from others: capped before decoding, judged, and made plain."""

import hashlib
import math
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import cast

from PIL import Image

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.image_quality import BLACK_LEVEL, ImageQuality
from character_identity.domain.perceptual_hash import PerceptualHash
from character_identity.images.measures import measure_quality, perceptual_hash
from character_identity.images.opening import picture
from character_identity.images.pixels import in_eight_bits, on_white, orientation_of, plain

MIN_SIDE, MAX_SIDE = 256, 65_500
"""Pixels; a reference image with a shorter side shows too little of a face; a JPEG holds no longer one."""
KEPT_SIDE = 2048
"""Pixels of the longer side of what is kept: no provider trains on or conditions by more than 1024."""
THUMBNAIL_SIDE = 512
"""Pixels of the longer side: enough for an encoder and to find faces, and 20 of them go in one call."""
STRIP_PIXELS = 2_000_000
SUFFIXES = {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}


@dataclass(frozen=True)
class ImageFacts:
    """Facts from decoding: MIME type, file suffix, size in pixels as shown, whether it is black all over."""

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


def decode(content: bytes) -> Image.Image:
    """Decode a picture: upright RGB in sRGB, in its full size.

    Raises:
        InvalidRequest: ``unreadable_image``: it is not a JPEG, PNG or WebP that decodes;
            ``image_too_large``: it has more pixels than are held, or more scans than any encoder writes.
    """
    with picture(content) as image:
        return plain(image)


def decode_within(content: bytes, longest: int) -> Image.Image:
    """Decode a picture as ``decode``, no side above ``longest``; a JPEG at no more than twice that size."""
    with picture(content) as image:
        return _plain_within(image, longest)


def inspect(content: bytes) -> ImageFacts:
    """Decode a picture whole and say what it is. Raises as ``decode``."""
    with picture(content) as image:
        image.draft("L", image.size)  # of a JPEG the brightness alone, a quarter of the memory
        brightest = max(map(_brightest, _strips(image)))
        width, height = image.size if orientation_of(image) < 5 else image.size[::-1]
        kind = str(image.format)
        return ImageFacts(
            content_type=Image.MIME[kind],
            suffix=SUFFIXES[kind],
            width=width,
            height=height,
            blank=brightest <= BLACK_LEVEL,
        )


def _strips(image: Image.Image) -> Iterator[Image.Image]:
    """An image in parts: converted whole, one in CMYK takes two copies more."""
    rows = max(1, STRIP_PIXELS // image.width)
    for top in range(0, image.height, rows):
        yield image.crop((0, top, image.width, min(top + rows, image.height)))


def _brightest(image: Image.Image) -> float:
    shown = on_white(in_eight_bits(image))
    return cast(tuple[float, float], shown.convert("L").getextrema())[1]


def prepare(content: bytes, limit_bytes: int) -> PreparedImage:
    """Make a reference image plain: as ``decode``, no side above KEPT_SIDE, without metadata; and measure it.

    Raises:
        InvalidRequest: as ``decode``; a side is too short or too long; or it stays above ``limit_bytes``.
    """
    picture = _kept(content)
    jpeg = _jpeg_within(picture, limit_bytes)
    picture.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.BICUBIC, reducing_gap=2)
    return PreparedImage(
        jpeg=jpeg,
        thumbnail=_jpeg(picture, quality=90),
        perceptual_hash=perceptual_hash(picture, hashlib.sha256(jpeg).hexdigest()),
        quality=measure_quality(picture),
    )


def _kept(content: bytes) -> Image.Image:
    """Decode a picture as it is kept, no side above KEPT_SIDE."""
    with picture(content) as image:
        if min(image.size) < MIN_SIDE:
            raise InvalidRequest(
                f"The picture has {image.width}x{image.height} pixels; {MIN_SIDE} a side are needed.",
                code="image_too_small",
            )
        if max(image.size) > MAX_SIDE:
            raise InvalidRequest(f"A side has more than {MAX_SIDE} pixels.", code="image_too_large")
        return _plain_within(image, KEPT_SIDE)


def _plain_within(image: Image.Image, longest: int) -> Image.Image:
    scale = longest / max(image.size)
    image.draft(None, (math.ceil(image.width * scale), math.ceil(image.height * scale)))
    picture = plain(image)
    picture.thumbnail((longest, longest), Image.Resampling.BICUBIC, reducing_gap=1)
    return picture


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
