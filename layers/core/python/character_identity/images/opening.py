"""Opens image files from elsewhere, decompression bombs too: nothing is decoded before the caps were checked.

Whatever a decoder raises about such bytes means that they cannot be read: Pillow raises more kinds of
exceptions than it documents (Pillow issues 3973, 4665, 6492, 6799, 8965).
"""

import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO

from PIL import Image

from character_identity.domain.errors import InvalidRequest
from character_identity.images.jpeg import breaks_off, parts_of, told_if_cut, without_metadata

MAX_PIXELS = 50_000_000
MAX_WEBP_PIXELS = 30_000_000
"""Its decoder holds two pictures and Pillow two more: 16 bytes a pixel, where others take 4 to 8."""
MAX_PROGRESSIVE_CMYK_PIXELS = 45_000_000
"""libjpeg holds the coefficients of a progressive file to its end: of four channels 8 bytes a pixel more."""
MAX_SCANS = 64
"""Of a JPEG, each of which passes over all its pixels; encoders write about 10."""
MAX_PARTS = 20_000
"""Segments of a JPEG or chunks of a PNG, each of which takes its time; a PNG of 20 MiB has 2,560 where libpng
wrote it, in pieces of 8 KiB."""
MAX_PROFILE_BYTES = 1024**2
"""Of a compressed colour profile in a PNG; Pillow refuses the whole file above it."""
FORMATS = ("JPEG", "PNG", "WEBP")
BREAKS_OFF = "The picture breaks off before its end; send the whole file."

_PNG = b"\x89PNG\r\n\x1a\n"
_JPEG = b"\xff\xd8\xff"
_XMP = b"XML:com.adobe.xmp\0\0"  # not compressed: it may hold the orientation
_OTHERS = {
    b"GIF8": "GIF",
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
            why = BREAKS_OFF if "truncated" in str(exc) else _unreadable(content)  # Pillow's word for it
            raise InvalidRequest(why, code="unreadable_image") from exc


@contextmanager
def picture(content: bytes) -> Iterator[Image.Image]:
    """Open a picture to decode it, all of which is there. Raises as ``reading`` and ``opened``."""
    with reading(content), opened(content) as image:
        if content.startswith(_JPEG) and breaks_off(content):
            raise InvalidRequest(BREAKS_OFF, code="unreadable_image")
        yield image


def opened(content: bytes) -> Image.Image:
    """Read the header of a JPEG, PNG or WebP; call it within ``reading``.

    Raises:
        InvalidRequest: ``image_too_large`` for more pixels than 600 MB hold while it is decoded, MAX_PIXELS
            or fewer, or more than MAX_SCANS scans or MAX_PARTS parts.
    """
    if content.startswith(_PNG):
        content, cicp = _without_text(content)
        image = _capped(content)
        image.info["cicp"] = cicp
        return image
    if not content.startswith(_JPEG):
        return _capped(content)
    parts, scans = parts_of(content, MAX_PARTS + 1)
    if parts > MAX_PARTS:
        raise _too_many_parts()
    if scans > MAX_SCANS:
        raise InvalidRequest(f"The JPEG has more than {MAX_SCANS} scans.", code="image_too_large")
    content, exif = without_metadata(content)
    image = _capped(told_if_cut(content))
    if exif:
        image.info["exif"] = exif
    return image


def _capped(content: bytes) -> Image.Image:
    image = Image.open(BytesIO(content), formats=FORMATS)
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


def _too_many_parts() -> InvalidRequest:
    message = f"The file consists of more than {MAX_PARTS} parts; open the picture and save it anew."
    return InvalidRequest(message, code="image_too_large")


def _most_pixels(image: Image.Image) -> int:
    if image.format == "WEBP":
        return MAX_WEBP_PIXELS
    if image.mode == "CMYK" and image.info.get("progressive"):
        return MAX_PROGRESSIVE_CMYK_PIXELS
    return MAX_PIXELS


def _unreadable(content: bytes) -> str:
    if _is_webp(content) and len(content) < 8 + int.from_bytes(content[4:8], "little"):
        return BREAKS_OFF
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
    if content.startswith(b"BM"):  # as words do, too, in a caption; a BMP goes on with its size, and zeros
        return "BMP" if content[6:10] == bytes(4) else ""
    return next((name for start, name in _OTHERS.items() if content.startswith(start)), "")


def _is_webp(content: bytes) -> bool:
    return content[:4] == b"RIFF" and content[8:12] == b"WEBP"


def _without_text(content: bytes) -> tuple[bytes, bytes]:
    """Leave out a PNG's text, and a colour profile that is too large, none or not its first; beside it cICP.

    Tools keep whole workflows there; Pillow unpacks all of it, and refuses the file above a megabyte.
    """
    kept, cicp, end, read = [_PNG], b"", len(_PNG), {b"iTXt", b"iCCP"}
    for kind, start, end in _chunks(content):
        body = content[start + 8 : end - 4] if kind in read else b""
        if not _is_left_out(kind, body):
            kept.append(content[start:end])
        if kind == b"iCCP":  # there is to be one, and to unpack a megabyte takes a KB
            read.discard(kind)
        if kind == b"cICP":
            cicp = cicp or content[start + 8 : end - 4]
    return b"".join([*kept, content[end:]]), cicp


def _chunks(png: bytes) -> Iterator[tuple[bytes, int, int]]:
    """The chunks of a PNG up to its end: kind, first byte, first one behind."""
    kind, end, number = b"", len(_PNG), 0
    while end + 8 <= len(png) and kind != b"IEND":
        number += 1
        if number > MAX_PARTS:
            raise _too_many_parts()
        (length,) = struct.unpack(">I", png[end : end + 4])
        kind, start, end = png[end + 4 : end + 8], end, end + 12 + length
        yield kind, start, end


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
