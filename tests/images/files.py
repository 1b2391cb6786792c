"""Image files as the world writes them, well and badly: EXIF blocks of any types, PNG chunks, ISO brands."""

import struct
import zlib
from io import BytesIO

from PIL import Image

from tests.support.builders import an_image

ASCII, BYTE, SHORT, LONG, RATIONAL = 2, 1, 3, 4, 5
ORIENTATION, MAKE, X_RESOLUTION, RESOLUTION_UNIT = 0x0112, 0x010F, 0x011A, 0x0128

Tag = tuple[int, int, int, bytes]
"""Number, type, count and value of an entry, as they stand in the file; the type need not be the tag's."""


def upright(turn: int = 6) -> Tag:
    """The tag that says how an image is to be turned."""
    return ORIENTATION, SHORT, 1, struct.pack("<H", turn)


def with_exif(jpeg: bytes, *tags: Tag) -> bytes:
    """A JPEG with an EXIF block of these tags."""
    block = b"Exif\0\0" + tiff(*tags)
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]


def tiff(*tags: Tag) -> bytes:
    """A little-endian TIFF header with one directory."""
    entries, beyond = b"", b""
    start = 8 + 2 + 12 * len(tags) + 4
    for number, kind, count, value in sorted(tags):
        if len(value) > 4:
            place, beyond = struct.pack("<I", start + len(beyond)), beyond + value
        else:
            place = value.ljust(4, b"\0")
        entries += struct.pack("<HHI", number, kind, count) + place
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + b"\0" * 4 + beyond


def with_chunks(png: bytes, *chunks: tuple[bytes, bytes], at_end: bool = False) -> bytes:
    """A PNG with further chunks, right behind its header or before its end."""
    added = b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    place = len(png) - 12 if at_end else 8 + 25
    return png[:place] + added + png[place:]


def compressed_text(size_bytes: int) -> tuple[bytes, bytes]:
    """A chunk of text that unpacks to so many bytes."""
    return b"zTXt", b"workflow\0\0" + zlib.compress(b"x" * size_bytes)


def profile(content: bytes) -> tuple[bytes, bytes]:
    """A chunk with a colour profile."""
    return b"iCCP", b"profile\0\0" + zlib.compress(content)


def mpo() -> bytes:
    """A JPEG that holds two pictures, as phones write it."""
    first, second = (Image.open(BytesIO(an_image(colour=colour))) for colour in ((90, 20, 20), (20, 90, 20)))
    out = BytesIO()
    first.save(out, "MPO", save_all=True, append_images=[second])
    return out.getvalue()


def iso_file(brand: bytes) -> bytes:
    """The start of a file of the family of HEIC and AVIF."""
    return b"\0\0\0\x1cftyp" + brand + b"\0\0\0\0mif1" + brand + b"\0" * 200
