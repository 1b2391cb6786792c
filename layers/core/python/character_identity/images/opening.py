"""Opens image files from elsewhere: what they are, and nothing decoded before the caps were checked.

Whatever a decoder raises about such bytes means that they cannot be read: Pillow raises more kinds of
exceptions than it documents (Pillow issues 3973, 4665, 6492, 6799, 8965).
"""

import re
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from itertools import islice

from PIL import Image

from character_identity.domain.errors import InvalidRequest

MAX_PIXELS = 50_000_000
MAX_WEBP_PIXELS = 30_000_000
"""Its decoder holds two pictures and Pillow two more: 16 bytes a pixel, where others take 4 to 8."""
MAX_PROGRESSIVE_CMYK_PIXELS = 45_000_000
"""libjpeg holds the coefficients of a progressive file to its end: of four channels 8 bytes a pixel more."""
MAX_SCANS = 64
"""Of a progressive JPEG, each of which passes over all its pixels; encoders write about 10."""
MAX_PROFILE_BYTES = 1024**2
"""Of a compressed colour profile in a PNG; Pillow refuses the whole file above it."""
FORMATS = ("JPEG", "PNG", "WEBP")

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_JPEG_MARKER = re.compile(
    rb"\xff([^\x00\x01\xd0-\xd8\xff])", re.DOTALL
)  # those that begin a segment, or end the file
_END_OF_IMAGE, _START_OF_SCAN = b"\xd9", b"\xda"
_APPLICATION = {bytes([marker]) for marker in range(0xE0, 0xF0)}
_EXIF = b"Exif\0\0"
_NEEDED = (b"JFIF\0", b"ICC_PROFILE\0", b"Adobe", b"http://ns.adobe.com/xap/")
"""Segments of applications that say which colours the pixels are, and in XMP how they are turned."""
_XMP = b"XML:com.adobe.xmp\0\0"  # not compressed: it may hold the orientation
_LOOKED_INTO = {b"iTXt", b"iCCP"}
_OTHERS = {
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"%PDF": "PDF",
    b"8BPS": "Photoshop file",
    b"\0\0\0\x0cjP  ": "JPEG 2000",
    b"\xff\x0a": "JPEG XL",
    b"\0\0\0\x0cJXL ": "JPEG XL",
    b"<svg": "SVG",
}
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"crx ": "Canon raw"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}


@contextmanager
def reading(content: bytes) -> Iterator[None]:
    """Turn what is raised about ``content`` into InvalidRequest: ``unreadable_image`` unless it is one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of bad metadata, which is not used, and of sizes, which are capped
        try:
            yield
        except InvalidRequest:
            raise
        except Image.DecompressionBombError as exc:
            raise too_large() from exc
        except Exception as exc:
            raise InvalidRequest(_unreadable(content), code="unreadable_image") from exc


def opened(content: bytes) -> Image.Image:
    """Read the header of a JPEG, PNG or WebP; call it within ``reading``.

    Raises:
        InvalidRequest: ``image_too_large`` for more pixels than 600 MB hold while it is decoded, MAX_PIXELS
            or fewer, or more than MAX_SCANS scans.
    """
    exif = b""
    if content.startswith(_PNG):
        content = _without_text(content)
    elif content.startswith(_JPEG):
        if _has_many_scans(content):
            raise InvalidRequest(f"The JPEG has more than {MAX_SCANS} scans.", code="image_too_large")
        content, exif = _without_metadata(content)
    image = Image.open(BytesIO(content), formats=FORMATS)
    if exif:
        image.info["exif"] = exif
    most = _most_pixels(image)
    if image.width * image.height > most:
        raise too_large(most)
    return image


def is_image(content: bytes) -> bool:
    """Tell an image file, of a format that can be read or of another one, by its first bytes."""
    return content.startswith((_PNG, _JPEG)) or _is_webp(content) or _other_format(content) != ""


def too_large(most: int = MAX_PIXELS) -> InvalidRequest:
    """The refusal of an image with too many pixels, ``most`` being those that its kind may have."""
    advice = (
        "Make it smaller." if most == MAX_PIXELS else "Make it smaller, or save it as a plain JPEG or PNG."
    )
    return InvalidRequest(f"The picture has more than {most} pixels. {advice}", code="image_too_large")


def _most_pixels(image: Image.Image) -> int:
    if image.format == "WEBP":
        return MAX_WEBP_PIXELS
    if image.mode == "CMYK" and image.info.get("progressive"):
        return MAX_PROGRESSIVE_CMYK_PIXELS
    return MAX_PIXELS


def _unreadable(content: bytes) -> str:
    other = _other_format(content)
    if other:
        return f"The file is a picture in the format {other}; save it as JPEG, PNG or WebP."
    return "The file cannot be read as a JPEG, PNG or WebP picture."


def _other_format(content: bytes) -> str:
    """Name the format of an image file that cannot be read here; empty where it is not known."""
    if content[4:8] == b"ftyp":
        brands = {content[8:12], *(content[at : at + 4] for at in range(16, 64, 4))}
        known = next((name for brand, name in _BRANDS.items() if brand in brands), "")
        return known or ("HEIC" if brands & _HEIC_BRANDS else "")
    return next((name for start, name in _OTHERS.items() if content.startswith(start)), "")


def _is_webp(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


def _segments(jpeg: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The segments of a JPEG's first picture as decoders find them: marker, first byte, first one behind.

    What lies between them is the picture's pixels, and what lies behind it is any bytes: other pictures, the
    film of a live picture.
    """
    at = 2
    while (marker := _JPEG_MARKER.search(jpeg, at)) and marker[1] != _END_OF_IMAGE:
        at = marker.end() + max(2, int.from_bytes(jpeg[marker.end() : marker.end() + 2], "big"))
        yield marker[1], marker.start(), at


def _has_many_scans(jpeg: bytes) -> bool:
    scans = (1 for marker, _, _ in _segments(jpeg) if marker == _START_OF_SCAN)
    return next(islice(scans, MAX_SCANS, None), None) is not None


def _without_metadata(jpeg: bytes) -> tuple[bytes, bytes]:
    """Leave out of a JPEG what Pillow would look into before it decodes, and return the EXIF data beside it.

    It refuses a file for a resolution that is no fraction. Of several pictures (MPF) only the first counts.
    """
    kept, exif, at = [], b"", 0
    for marker, start, end in _segments(jpeg):
        if marker == _START_OF_SCAN:
            break
        if marker in _APPLICATION and not jpeg.startswith(_NEEDED, start + 4):
            kept.append(jpeg[at:start])
            at = end
            if not exif and jpeg.startswith(_EXIF, start + 4):
                exif = jpeg[start + 4 : end]
    return b"".join([*kept, jpeg[at:]]), exif


def _without_text(content: bytes) -> bytes:
    """Leave out a PNG's text, and a colour profile that is too large or none.

    Tools keep whole workflows there; Pillow unpacks all of it, and refuses the file above a megabyte.
    """
    kept, at = [_PNG], len(_PNG)
    while at + 8 <= len(content):
        (length,) = struct.unpack(">I", content[at : at + 4])
        kind, body, end = content[at + 4 : at + 8], at + 8, at + 12 + length
        if not _is_left_out(kind, content[body : body + length] if kind in _LOOKED_INTO else b""):
            kept.append(content[at:end])
        at = end
    return b"".join([*kept, content[at:]])


def _is_left_out(kind: bytes, body: bytes) -> bool:
    if kind == b"iTXt":
        return not _is_plain_xmp(body)
    return kind in {b"tEXt", b"zTXt"} or (kind == b"iCCP" and not _is_small_profile(body))


def _is_plain_xmp(body: bytes) -> bool:
    return body.startswith(_XMP) and len(body) <= MAX_PROFILE_BYTES


def _is_small_profile(body: bytes) -> bool:
    _, _, content = body.partition(b"\0")
    if content[:1] != b"\0":  # the only one that there is; Pillow refuses the whole file for another
        return False
    try:
        unpacking = zlib.decompressobj()
        unpacking.decompress(content[1:], MAX_PROFILE_BYTES)
    except zlib.error:
        return False
    return not unpacking.unconsumed_tail
