"""JPEG files whose pixels are not all there, and odd ones where they are."""

from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageFilter

from character_identity.domain.errors import InvalidRequest
from character_identity.images import decoding
from character_identity.images.opening import BREAKS_OFF
from tests.images.files import mpo

END = b"\xff\xd9"
SIDES = (96, 80)
READS: list[Callable[[bytes], Any]] = [decoding.decode, decoding.inspect]


def noise(mode: str = "RGB") -> Image.Image:
    """A picture in which no block is like another, the same each time."""
    levels = bytes((number * number * 7 + number // 96 * 31) % 256 for number in range(SIDES[0] * SIDES[1]))
    grey = Image.frombytes("L", SIDES, levels).filter(ImageFilter.BoxBlur(1))
    return Image.merge(
        "RGB", (grey, grey.rotate(180), grey.transpose(Image.Transpose.FLIP_TOP_BOTTOM))
    ).convert(mode)


def a_jpeg(mode: str = "RGB", **options: Any) -> bytes:
    out = BytesIO()
    noise(mode).save(out, "JPEG", **options)
    return out.getvalue()


def one_component_a_scan() -> bytes:
    """A baseline JPEG of three scans, which Pillow does not write: put together of three grey ones."""
    greys = []
    for band in noise().split():
        out = BytesIO()
        band.save(out, "JPEG")
        greys.append(out.getvalue())
    frame, scan = greys[0].index(b"\xff\xc0"), greys[0].index(b"\xff\xda")
    size = greys[0][frame + 4 : frame + 9]
    components = b"".join(bytes([number, 0x11, 0]) for number in (1, 2, 3))
    tables = greys[0][frame + 2 + 11 : scan]
    scans = [
        b"\xff\xda\0\x08\x01" + bytes([number]) + b"\0\0\x3f\0" + grey[grey.index(b"\xff\xda") + 10 : -2]
        for number, grey in enumerate(greys, start=1)
    ]
    return greys[0][:frame] + b"\xff\xc0\0\x11" + size + b"\x03" + components + tables + b"".join(scans) + END


KINDS = {
    "baseline": a_jpeg(),
    "baseline 4:4:4": a_jpeg(subsampling=0, quality=95),
    "best tables": a_jpeg(optimize=True),
    "grey": a_jpeg("L"),
    "CMYK": a_jpeg("CMYK"),
    "restarts": a_jpeg(restart_marker_blocks=3),
    "a scan for each component": one_component_a_scan(),
    "progressive": a_jpeg(progressive=True),
    "progressive 4:4:4": a_jpeg(progressive=True, subsampling=0, quality=95),
    "progressive grey": a_jpeg("L", progressive=True),
    "progressive CMYK": a_jpeg("CMYK", progressive=True),
    "progressive with restarts": a_jpeg(progressive=True, restart_marker_rows=1),
}
each_kind = pytest.mark.parametrize("jpeg", KINDS.values(), ids=KINDS)


@each_kind
def test_a_whole_file_is_taken_whatever_stands_between_and_behind_its_pixels(jpeg: bytes) -> None:
    pixels = decoding.decode(jpeg).tobytes()
    assert jpeg.endswith(END)
    for end in (
        b"\xff\xff" + END,
        bytes(600) + END,
        END + jpeg,
        END + bytes(1000),
        END * 3,
        b"\xff\xd0" + END,
    ):
        assert decoding.decode(jpeg[:-2] + end).tobytes() == pixels


@each_kind
def test_a_long_run_that_ends_in_no_marker_is_looked_through_once(jpeg: bytes) -> None:
    """Begun anew at each of its bytes, a megabyte of it would keep a function until it is killed."""
    pixels = decoding.decode(jpeg).tobytes()
    run = b"\xff" * 1_000_000
    for end in (run + b"\0" + END, run + END, END + run + b"\0"):
        assert decoding.decode(jpeg[:-2] + end).tobytes() == pixels


@each_kind
def test_a_file_that_was_cut_and_given_an_end_is_refused(jpeg: bytes) -> None:
    """Whether in the middle of pixels or between two scans, and whatever marker stands there."""
    start = jpeg.index(b"\xff\xda")
    places = {start + (len(jpeg) - start) * part // 20 for part in range(20)}
    places |= {place for place in range(start, len(jpeg) - 2) if jpeg[place : place + 2] == b"\xff\xda"}
    for place in places:
        for end in (END, b"\xff\xfe\0\x02" + END):
            for read in READS:
                with pytest.raises(InvalidRequest) as refused:
                    read(jpeg[:place] + end)
                assert refused.value.code == "unreadable_image", place


@pytest.mark.parametrize("name", ["baseline", "best tables", "grey", "CMYK"])
def test_a_file_with_a_hole_or_a_marker_in_its_pixels_is_refused(name: str) -> None:
    """What lies behind a marker in the middle of pixels is never looked at."""
    jpeg = KINDS[name]
    start = jpeg.index(b"\xff\xda") + 14
    for part in (0.2, 0.5, 0.8):
        place = start + int((len(jpeg) - start) * part)
        for middle in (b"", b"\xff\xd0", b"\xff\x01", END):
            with pytest.raises(InvalidRequest):
                decoding.decode(jpeg[:place] + middle + jpeg[place + len(jpeg) // 10 :])


def test_what_is_cut_off_says_so() -> None:
    for jpeg in (KINDS["baseline"], KINDS["progressive"]):
        for end in (b"", END):
            with pytest.raises(InvalidRequest) as refused:
                decoding.decode(jpeg[: len(jpeg) * 3 // 4] + end)
            assert refused.value.message == BREAKS_OFF


def test_odd_files_of_cameras_are_whole() -> None:
    """Without an end, with two pictures, with a scan's header as it would be in a progressive one."""
    jpeg = KINDS["baseline"]
    pixels = decoding.decode(jpeg).tobytes()
    assert decoding.decode(jpeg[:-2]).tobytes() == pixels
    place = jpeg.index(b"\xff\xda") + 11
    assert decoding.decode(jpeg[:place] + b"\0\0\0" + jpeg[place + 3 :]).tobytes() == pixels
    assert decoding.decode(mpo()).size == decoding.decode(mpo()[: mpo().index(END) + 2]).size
