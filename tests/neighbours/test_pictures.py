"""Pictures with bent metadata are read, and those with bent pixels read or refused.

Metadata is never a reason to refuse a picture, and changes nothing of it but how it is turned.
"""

import struct
import zlib
from collections.abc import Callable
from io import BytesIO
from random import Random
from typing import Any

import pytest
from PIL import Image

from character_identity.domain.errors import InvalidRequest
from character_identity.images import decoding
from tests.images.files import iso_file
from tests.neighbours.tally import Tally

WHOLE = 20_000
ORIENTATION, SHORT = 0x0112, 3
POINTERS = {0x8769: "Exif", 0x8825: "GPS", 0xA005: "Interop", 0x014A: "SubIFDs"}
NUMBERS = (0x010F, 0x0110, 0x011A, 0x011B, 0x0128, 0x0132, 0x9000, 0x927C, 0x9286, 0xC4A5, *POINTERS)
SIZES = (0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4)
"""Bytes of one value of each type."""
TURNS = (
    None,
    Image.Transpose.FLIP_LEFT_RIGHT,
    Image.Transpose.ROTATE_180,
    Image.Transpose.FLIP_TOP_BOTTOM,
    Image.Transpose.TRANSPOSE,
    Image.Transpose.ROTATE_270,
    Image.Transpose.TRANSVERSE,
    Image.Transpose.ROTATE_90,
)
"""What shows a picture of orientation 1 to 8 upright (Exif 2.32, 4.6.4)."""

Entry = tuple[int, int, int, bytes]


def saved(image_format: str, **options: Any) -> bytes:
    """A picture that looks different however it is turned."""
    image = Image.linear_gradient("L").resize((272, 260))
    image.paste(255, (20, 10, 90, 60))
    out = BytesIO()
    image.convert("RGB").save(out, image_format, **options)
    return out.getvalue()


JPEG, PNG, WEBP = (saved(kind) for kind in ("JPEG", "PNG", "WEBP"))
MPO = saved("MPO", save_all=True, append_images=[Image.new("RGB", (272, 260), "green")])


def bent_entry(chance: Random) -> Entry:
    """A tag that may be right in all, in some or in none of its number, type, count and value."""
    number = chance.choice([*NUMBERS, chance.randrange(1, 2**16)])
    kind = chance.choice([*range(1, 14), chance.randrange(2**16)])
    size = SIZES[kind] if kind < len(SIZES) else chance.choice([1, 4])
    count = chance.choice([0, 1, 1, 2, 3, 20, 2**31, 2**32 - 1, chance.randrange(2**32)])
    value = chance.randbytes(min(size * count, chance.choice([0, 2, 4, 8, 40, 400])))
    return number, kind, count, value


def tiff(chance: Random, entries: list[Entry], whole: bool) -> bytes:
    """A directory with these entries in either byte order; unless ``whole`` its offsets point anywhere."""
    order = chance.choice("<>")
    behind = 8 + 2 + 12 * len(entries) + 4
    table, values = b"", b""
    for number, kind, count, value in entries:
        if len(value) > 4:
            place = behind + len(values) if whole else chance.choice([8, behind, chance.randrange(2**32)])
            values += value
            value = struct.pack(f"{order}I", place)
        table += struct.pack(f"{order}HHI", number, kind, count) + value.ljust(4, b"\0")
    claimed = len(entries) if whole else chance.choice([len(entries), 0, 2**16 - 1, chance.randrange(300)])
    following = 0 if whole else chance.choice([0, 8, behind, chance.randrange(2**32)])
    start = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8)
    return start + struct.pack(f"{order}H", claimed) + table + struct.pack(f"{order}I", following) + values


def in_jpeg(block: bytes, jpeg: bytes = JPEG) -> bytes:
    return jpeg[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 8) + b"Exif\0\0" + block + jpeg[2:]


def in_png(block: bytes) -> bytes:
    chunk = b"eXIf" + block
    place = 8 + 25
    return (
        PNG[:place]
        + struct.pack(">I", len(block))
        + chunk
        + struct.pack(">I", zlib.crc32(chunk))
        + PNG[place:]
    )


def in_webp(block: bytes) -> bytes:
    size = struct.pack("<I", 272 - 1)[:3] + struct.pack("<I", 260 - 1)[:3]
    extended = b"VP8X" + struct.pack("<I", 10) + b"\x08\0\0\0" + size
    exif = b"EXIF" + struct.pack("<I", len(block)) + block + b"\0" * (len(block) % 2)
    body = b"WEBP" + extended + WEBP[12:] + exif
    return b"RIFF" + struct.pack("<I", len(body)) + body


FILES: dict[str, tuple[Callable[[bytes], bytes], bytes]] = {
    "JPEG": (in_jpeg, JPEG),
    "PNG": (in_png, PNG),
    "WebP": (in_webp, WEBP),
    "MPO": (lambda block: in_jpeg(block, MPO), MPO),
}


@pytest.fixture(scope="module")
def turned() -> dict[str, dict[bytes, int]]:
    """The pixels of each file as each orientation shows them: 1 as it is, to 8."""
    found: dict[str, dict[bytes, int]] = {}
    for name, (_, plain) in FILES.items():
        image = decoding.decode(plain)
        found[name] = {}
        for number, turn in enumerate(TURNS, 1):
            shown = image if turn is None else image.transpose(turn)
            found[name][shown.tobytes() + bytes(str(shown.size), "ascii")] = number
    return found


def test_any_metadata_leaves_the_picture(tally: Tally, turned: dict[str, dict[bytes, int]]) -> None:
    def example(chance: Random) -> str:
        name = chance.choice([*FILES])
        entries = [bent_entry(chance) for _ in range(chance.randrange(5))]
        orientation = chance.choice([None, chance.randrange(1, 9)])
        if orientation is not None:
            entries.append((ORIENTATION, SHORT, 1, b""))
        whole = chance.random() < 0.6
        chance.shuffle(entries)
        block = tiff(chance, entries, whole)
        if orientation is not None:
            block = with_orientation(block, orientation)
        if cut := not whole and chance.random() < 0.3:
            block = block[: chance.randrange(len(block))]
        content = FILES[name][0](block)
        if name == "MPO" and chance.random() < 0.5:
            content = with_bent_list(chance, content)
        shown = decoding.decode(content)
        found = turned[name][shown.tobytes() + bytes(str(shown.size), "ascii")]
        facts, prepared = decoding.inspect(content), decoding.prepare(content, 20_000_000)
        assert (facts.width, facts.height) == shown.size
        with Image.open(BytesIO(prepared.jpeg)) as kept:
            assert kept.size == shown.size
        numbers = [number for number, *_ in entries]
        if whole and not cut and numbers.count(ORIENTATION) == (orientation is not None):
            assert found == (orientation or 1), (found, orientation)
        return f"{name}: {'as it is' if found == 1 else 'turned'}"

    tally.try_each(WHOLE, example)


def with_bent_list(chance: Random, mpo: bytes) -> bytes:
    """An MPO whose list of further pictures says anything."""
    bent = bytearray(mpo)
    start = bent.index(b"MPF\0") + 4
    for _ in range(chance.randrange(1, 9)):
        bent[start + chance.randrange(60)] = chance.randrange(256)
    return bytes(bent)


def with_orientation(block: bytes, orientation: int) -> bytes:
    """Put the value into the first entry of an orientation."""
    order = "<" if block.startswith(b"II") else ">"
    entry = struct.pack(f"{order}HHI", ORIENTATION, SHORT, 1)
    return block.replace(entry + bytes(4), entry + struct.pack(f"{order}H", orientation) + bytes(2), 1)


def test_heic_by_any_other_name_is_called_heic(tally: Tally) -> None:
    def example(chance: Random) -> str:
        brand = chance.choice([b"heic", b"heix", b"mif1", b"msf1", b"hevc", b"heim"])
        content = iso_file(brand) + tiff(chance, [bent_entry(chance)], whole=False)
        with pytest.raises(InvalidRequest, match="HEIC") as refused:
            chance.choice([decoding.decode, decoding.inspect])(content)
        return refused.value.code

    tally.try_each(200, example)


def test_a_file_cut_or_bent_anywhere_is_read_or_refused(tally: Tally) -> None:
    files = {
        "JPEG": JPEG,
        "PNG": PNG,
        "WebP": WEBP,
        "MPO": MPO,
        "progressive": saved("JPEG", progressive=True),
    }
    reads = (decoding.decode, decoding.inspect, lambda content: decoding.prepare(content, 20_000_000))

    def example(chance: Random) -> str:
        name = chance.choice([*files])
        content = bytearray(files[name])
        for _ in range(chance.randrange(1, 5)):
            content[chance.randrange(chance.choice([64, len(content)]))] = chance.randrange(256)
        if chance.random() < 0.3:
            del content[chance.randrange(len(content)) :]
        try:
            chance.choice(reads)(bytes(content))
        except InvalidRequest as refused:
            assert refused.code in {"unreadable_image", "image_too_large", "image_too_small"}
            return f"{name}: {refused.code}"
        return f"{name}: read"

    tally.try_each(10_000, example)
