"""Image files, well and badly made, as what lies at the link of a reference."""

import struct
import zlib
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from PIL import Image

from character_identity.images.opening import MAX_SCANS
from tests.corpora.corpus import ACCEPTED, Corpus, Entry, Try
from tests.corpora.system import System
from tests.images.files import (
    ASCII,
    BYTE,
    LONG,
    MAKE,
    ORIENTATION,
    RATIONAL,
    RESOLUTION_UNIT,
    SHORT,
    X_RESOLUTION,
    Tag,
    compressed_text,
    iso_file,
    mpo,
    profile,
    upright,
    with_chunks,
    with_exif,
)
from tests.support.builders import an_image
from tests.support.fakes import FakeMedia

UNREADABLE, TOO_LARGE, TOO_SMALL = "unreadable_image", "image_too_large", "image_too_small"
LINK = "https://files.test/a.jpg"
SIDE = 256
JPEG = an_image(SIDE, SIDE)
PNG = an_image(SIDE, SIDE, image_format="PNG")
WEBP = an_image(SIDE, SIDE, image_format="WEBP")
PROGRESSIVE = {"progressive": True}
SCANS = b"\xff\xda\0\0" * (MAX_SCANS + 1)
LIGHT = {"I;16": 25_000}
"""A grey that is not black; of most modes 90 is."""
MODES = ("1", "L", "LA", "RGB", "RGBA", "I;16")
TAGS: dict[str, tuple[Tag, ...]] = {
    "a make that is a fraction": ((MAKE, RATIONAL, 1, struct.pack("<II", 1, 2)),),
    "a fraction by zero": ((X_RESOLUTION, RATIONAL, 1, struct.pack("<II", 1, 0)),),
    "a resolution that is text": ((X_RESOLUTION, ASCII, 5, b"72/1\0"),),
    "a resolution that is no fraction": ((X_RESOLUTION, 7, 1, b"F"), (RESOLUTION_UNIT, SHORT, 1, b"\2\0")),
    "a unit that is a byte": ((RESOLUTION_UNIT, BYTE, 1, b"\2"),),
    "a type that does not exist": ((MAKE, 99, 1, b"abcd"),),
    "a count beyond the file": ((MAKE, ASCII, 2**31, b"abcd"),),
    "a value beyond the file": ((MAKE, ASCII, 20, struct.pack("<I", 60_000)),),
    "an orientation of zero": (upright(0),),
    "an orientation of 9": (upright(9),),
    "an orientation of 65535": (upright(65535),),
    "an orientation that is text": ((ORIENTATION, ASCII, 2, b"6\0"),),
    "an orientation of many": ((ORIENTATION, LONG, 1000, struct.pack("<I", 8)),),
    "five hundred tags": tuple((40_000 + number, SHORT, 1, b"\1\0") for number in range(500)),
}
OTHER_FORMATS = {
    **{kind: an_image(SIDE, SIDE, image_format=kind) for kind in ("GIF", "BMP", "TIFF", "ICO", "PPM", "TGA")},
    "HEIC": iso_file(b"heic"),
    "AVIF": iso_file(b"avif"),
    "PDF": b"%PDF-1.7\n1 0 obj",
    "SVG": b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>',
    "SVG behind XML": b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><svg>&a;</svg>',
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n(/etc/passwd) (r) file",
    "ImageMagick's MVG": b"push graphic-context\nimage over 0,0 0,0 'https://169.254.169.254/'",
    "HTML": b"<!doctype html><img src=x onerror=alert(1)>",
    "ZIP": b"PK\3\4" + bytes(60),
    "ELF": b"\x7fELF" + bytes(60),
    "text": b"a picture",
    "JPEG XL": b"\xff\x0a" + bytes(60),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(60),
    "Photoshop": b"8BPS\0\1" + bytes(60),
    "nothing": b"",
    "a zero": b"\0",
    "zeros": bytes(1000),
}


def entries() -> Iterator[Entry]:
    for mode in MODES:
        yield Entry(
            f"PNG {mode}", "as it should be", saved(Image.new(mode, (SIDE, SIDE), LIGHT.get(mode, 90)), "PNG")
        )
    for mode in ("L", "RGB", "CMYK"):
        yield Entry(f"JPEG {mode}", "as it should be", saved(Image.new(mode, (SIDE, SIDE), 90), "JPEG"))
    for name, content in (
        ("WebP", WEBP),
        ("progressive", saved(Image.new("RGB", (SIDE, SIDE), "red"), "JPEG", progressive=True)),
        ("lossless WebP", an_image(SIDE, SIDE, image_format="WEBP", lossless=True)),
        ("PNG P", saved(Image.new("RGB", (SIDE, SIDE), "red").convert("P"), "PNG")),
        ("animated WebP", animated("WEBP")),
        ("animated PNG", animated("PNG")),
        ("two pictures in a JPEG", mpo()),
    ):
        yield Entry(name, "as it should be", content)
    yield from _of_sizes()
    for name, tags in TAGS.items():
        yield Entry(name, "metadata", with_exif(JPEG, *tags))
    for name, content in _with_more():
        yield Entry(name, "metadata", content)
    for name, numbers in (
        ("PQ", b"\x09\x10\0\1"),
        ("HLG", b"\x09\x12\0\1"),
        ("a video's levels", b"\1\1\0\0"),
    ):
        yield Entry(name, "colours that sRGB has not", with_chunks(PNG, (b"cICP", numbers)), UNREADABLE)
    for name, content in OTHER_FORMATS.items():
        yield Entry(name, "another format", content, UNREADABLE)
    for kind, content in (("JPEG", JPEG), ("PNG", PNG), ("WebP", WEBP)):
        for part in (0.05, 0.3, 0.6, 0.9):
            yield Entry(f"{kind} {part:.0%}", "cut short", content[: int(len(content) * part)], UNREADABLE)
        yield Entry(f"{kind}, another inside", "cut short", content[:12] + OTHER_FORMATS["GIF"], UNREADABLE)
        yield Entry(f"{kind}, more behind", "more behind", content + OTHER_FORMATS["HTML"] * 100)
    gradient = Image.linear_gradient("L").resize((SIDE, SIDE))
    for name, options in (
        ("JPEG", {}),
        ("grey in best tables", {"optimize": True}),
        ("progressive", PROGRESSIVE),
    ):
        whole = saved(gradient, "JPEG", **options)
        start = whole.index(b"\xff\xda")
        for part in (0.3, 0.6, 0.9):
            cut = whole[: start + int((len(whole) - start) * part)]
            yield Entry(f"{name} {part:.0%} and an end", "cut short", cut + whole[-2:], UNREADABLE)
        yield Entry(
            f"{name} without an end",
            "cut short",
            whole[:-2],
            UNREADABLE if options is PROGRESSIVE else ACCEPTED,
        )
    yield Entry("JPEG with a ZIP behind", "more behind", JPEG + OTHER_FORMATS["ZIP"])
    yield Entry("JPEG with a film behind", "more behind", JPEG + SCANS)
    yield Entry("scans in metadata", "more behind", with_segment(JPEG, 0xE5, SCANS))
    yield Entry("65 scans", "bomb", JPEG[:-2] + SCANS + JPEG[-2:], TOO_LARGE)
    yield Entry("10,000 scans", "bomb", JPEG[:-2] + b"\xff\xda\0\0" * 10_000 + JPEG[-2:], TOO_LARGE)
    yield from _damaged()


def _of_sizes() -> Iterator[Entry]:
    for width, height, expected in (
        (SIDE, SIDE, ACCEPTED),
        (SIDE - 1, SIDE, TOO_SMALL),
        (1, 1, TOO_SMALL),
        (SIDE, 10_000, ACCEPTED),
        (SIDE, 65_501, TOO_LARGE),
        (8000, 6251, TOO_LARGE),
        (30_000, 30_000, TOO_LARGE),
        (2**31 - 1, 2**31 - 1, TOO_LARGE),
        (2**31 - 1, 1, TOO_LARGE),
        (0, 0, UNREADABLE),
    ):
        yield Entry(f"PNG of {width}x{height}", "size", of_size(width, height), expected)
    for side, expected in ((65_535, TOO_LARGE), (20_000, TOO_LARGE), (0, UNREADABLE)):
        yield Entry(f"JPEG that says {side}", "size", saying_size(JPEG, side), expected)
    yield Entry("WebP that says 16383", "size", WEBP[:26] + b"\xff\x3f\xff\x3f" + WEBP[30:], TOO_LARGE)


def _with_more() -> Iterator[tuple[str, bytes]]:
    yield "text of 80 MB in a PNG", with_chunks(PNG, *[compressed_text(2_000_000)] * 40)
    yield "the same behind the pixels", with_chunks(PNG, *[compressed_text(2_000_000)] * 40, at_end=True)
    yield "a profile of 40 MB", with_chunks(PNG, profile(bytes(40_000_000)))
    yield "a profile that is none", with_chunks(PNG, profile(b"not a profile"))
    yield "a profile that does not unpack", with_chunks(PNG, (b"iCCP", b"profile\0\0abc"))
    yield "a profile of nothing", with_chunks(PNG, (b"iCCP", b""))
    yield "a profile without a method", with_chunks(PNG, (b"iCCP", b"profile\0"))
    yield "a profile of another method", with_chunks(PNG, (b"iCCP", b"profile\0\1" + zlib.compress(b"x")))
    yield "EXIF in a PNG", with_chunks(PNG, (b"eXIf", b"II*\0" + b"\xff" * 40))
    yield "XMP that is XML's bomb", with_chunks(PNG, (b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + LAUGHS))
    yield "colours of Display P3 by number", with_chunks(PNG, (b"cICP", b"\x0c\x0d\0\1"))
    yield "colours by a number that there is not", with_chunks(PNG, (b"cICP", b"\xff\xff\0\1"))
    yield "colours by half a chunk", with_chunks(PNG, (b"cICP", b"\x0c"))
    yield "a chunk that nobody knows", with_chunks(PNG, (b"abCd", bytes(1000)))
    yield "XMP in a JPEG", with_segment(JPEG, 0xE1, b"http://ns.adobe.com/xap/1.0/\0" + LAUGHS)
    yield "a broken profile in a JPEG", with_segment(JPEG, 0xE2, b"ICC_PROFILE\0\1\1" + bytes(200))
    yield "a profile in 256 parts", with_segment(JPEG, 0xE2, b"ICC_PROFILE\0\1\xff" + bytes(200))
    yield "Photoshop's block", with_segment(JPEG, 0xED, b"Photoshop 3.0\x008BIM" + b"\xff" * 30)
    yield "a list of pictures that is none", with_segment(JPEG, 0xE2, b"MPF\0" + b"\xff" * 40)
    yield "a comment", with_segment(JPEG, 0xFE, b"<?php system($_GET['c']); ?>")
    yield "no metadata's length", with_segment(JPEG, 0xE1, b"")


def _damaged() -> Iterator[Entry]:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0))
    end = chunk(b"IEND", b"")
    pixels = zlib.compress((b"\0" + b"\x5a" * 3 * SIDE) * SIDE)
    for name, content in {
        "no pixels": png(head, end),
        "no header": png(chunk(b"IDAT", pixels), end),
        "a header of another length": png(chunk(b"IHDR", b"\0" * 5), end),
        "colours that do not exist": png(
            chunk(b"IHDR", struct.pack(">IIBBBBB", SIDE, SIDE, 3, 7, 0, 0, 0)), chunk(b"IDAT", pixels), end
        ),
        "pixels that do not unpack": png(head, chunk(b"IDAT", b"\0" * 100), end),
        "too few pixels": png(head, chunk(b"IDAT", zlib.compress(b"\0" * 100)), end),
        "pixels that are garbage from the middle on": png(
            head, chunk(b"IDAT", pixels[: len(pixels) // 2] + b"\xff" * 100), end
        ),
        "a wrong checksum": PNG.replace(b"IDAT", b"IDAU"),
        "JPEG's start only": b"\xff\xd8\xff",
        "JPEG of markers": b"\xff\xd8" + b"\xff" * 10_000,
        "JPEG without tables": b"\xff\xd8" + JPEG[JPEG.index(b"\xff\xc0") :],
        "JPEG of three ends": b"\xff\xd8\xff\xd9" * 3,
        "a segment longer than the file": JPEG[:4] + b"\xff\xff" + JPEG[6:100],
        "RIFF without WebP": b"RIFF\x10\0\0\0WAVEfmt " + bytes(16),
        "WebP of nothing": b"RIFF\4\0\0\0WEBP",
        "WebP of a wrong length": WEBP[:4] + b"\xff\xff\xff\x7f" + WEBP[8:40],
    }.items():
        yield Entry(name, "damaged", content, UNREADABLE)
    for length in (2**31 - 1, 2**32 - 1):
        content = png(head, struct.pack(">I", length) + b"IDAT" + pixels)
        yield Entry(f"a chunk that says {length}", "damaged, with all pixels", content)
    bent = bytearray(PNG)
    bent[-20] ^= 0xFF
    yield Entry("bent pixels", "damaged", bytes(bent), UNREADABLE)


LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]><x:xmpmeta>&j;</x:xmpmeta>"
)
"""A billion laughs: entities that stand for ten of the one before."""


def saved(image: Image.Image, image_format: str, **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, image_format, **options)
    return out.getvalue()


def animated(image_format: str) -> bytes:
    first, *others = (Image.new("RGB", (SIDE, SIDE), (40 * number, 0, 0)) for number in range(1, 4))
    return saved(first, image_format, save_all=True, append_images=others)


def png(*chunks: bytes) -> bytes:
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def of_size(width: int, height: int) -> bytes:
    """A PNG of one bit a pixel; of a large one only the header is right."""
    row = b"\0" + b"\xff" * ((width + 7) // 8) if width < 10**6 else b""
    pixels = zlib.compress(row * height) if width * height < 10**7 else b""
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
    return png(head, chunk(b"IDAT", pixels), chunk(b"IEND", b""))


def saying_size(jpeg: bytes, side: int) -> bytes:
    """A JPEG whose header names another size."""
    place = jpeg.index(b"\xff\xc0") + 5
    return jpeg[:place] + struct.pack(">HH", side, side) + jpeg[place + 4 :]


def with_segment(jpeg: bytes, marker: int, body: bytes) -> bytes:
    return jpeg[:2] + b"\xff" + bytes([marker]) + struct.pack(">H", len(body) + 2) + body + jpeg[2:]


def door(system: System) -> Try:
    media = FakeMedia()
    system.services.safe_http = media  # type: ignore[assignment]

    def check(content: bytes) -> str:
        media.files[LINK] = content
        answer = system.api("check_references", "POST", "/v1/references/check", {"references": [LINK]})
        assert answer.status == 200, answer.body
        errors = [finding for finding in answer.body["findings"] if finding["severity"] == "error"]
        assert answer.body["usable"] is not bool(errors)
        return str(errors[0]["code"]) if errors else ACCEPTED

    return check


CORPUS = Corpus("Images", 120, entries, door)
