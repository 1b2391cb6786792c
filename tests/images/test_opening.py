import struct
from collections.abc import Callable
from functools import cache
from io import BytesIO
from typing import Any

import pytest
from PIL import Image, ImageCms

from character_identity.domain.errors import InvalidRequest
from character_identity.images import decoding, opening
from tests.corpora.images import CORPUS
from tests.images.files import (
    ASCII,
    BYTE,
    MAKE,
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

JPEG = an_image(400, 300)
PNG = an_image(320, 300, image_format="PNG")
WEBP = an_image(320, 300, image_format="WEBP")
READS: list[Callable[[bytes], Any]] = [
    decoding.decode,
    decoding.inspect,
    lambda content: decoding.prepare(content, 20_000_000),
]
each_way = pytest.mark.parametrize("read", READS, ids=["decode", "inspect", "prepare"])

NOT_AS_THE_STANDARD_SAYS: dict[str, Tag] = {
    "the make is a rational": (MAKE, RATIONAL, 1, struct.pack("<II", 1, 2)),
    "the resolution is text": (X_RESOLUTION, ASCII, 5, b"72/1\0"),
    "the unit is a byte": (RESOLUTION_UNIT, BYTE, 1, b"\2"),
    "a type that does not exist": (MAKE, 99, 1, b"abcd"),
    "a count beyond the file": (MAKE, ASCII, 2**31, b"abcd"),
    "a value beyond the file": (MAKE, ASCII, 20, struct.pack("<I", 60_000)),
}


@pytest.mark.parametrize("tag", NOT_AS_THE_STANDARD_SAYS.values(), ids=NOT_AS_THE_STANDARD_SAYS)
def test_an_image_is_kept_upright_whatever_else_its_metadata_says(tag: Tag) -> None:
    prepared = decoding.prepare(with_exif(JPEG, upright(), tag), 20_000_000)
    with Image.open(BytesIO(prepared.jpeg)) as image:
        assert image.size == (300, 400)
    assert decoding.inspect(with_exif(JPEG, upright(), tag)).width == 300


@each_way
@pytest.mark.parametrize("whole", [JPEG, PNG, WEBP], ids=["JPEG", "PNG", "WebP"])
def test_a_picture_of_which_the_end_is_missing_is_told_from_one_that_is_none(
    read: Callable[[bytes], Any], whole: bytes
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        read(whole[: len(whole) * 2 // 3])
    assert (refused.value.code, refused.value.message) == ("unreadable_image", opening.BREAKS_OFF)


@pytest.mark.parametrize("turn", [0, 1, 3, 6, 8, 9, 255, 65535])
def test_a_picture_is_told_by_the_size_in_which_it_is_shown(turn: int) -> None:
    content = with_exif(JPEG, upright(turn))
    facts = decoding.inspect(content)
    assert (facts.width, facts.height) == decoding.decode(content).size
    assert facts.width == (300 if turn in {6, 8} else 400)


@each_way
def test_a_jpeg_with_two_pictures_is_its_first(read: Callable[[bytes], Any]) -> None:
    read(mpo())
    assert (decoding.inspect(mpo()).content_type, decoding.inspect(mpo()).suffix) == ("image/jpeg", "jpg")
    red, green, _ = decoding.decode(mpo()).getpixel((100, 100))  # type: ignore[misc]
    assert red > green


@each_way
@pytest.mark.parametrize("at_end", [False, True], ids=["before the pixels", "after them"])
def test_text_in_a_png_is_passed_over(read: Callable[[bytes], Any], at_end: bool) -> None:
    much = with_chunks(PNG, *[compressed_text(2_000_000)] * 40, at_end=at_end)
    read(much)
    assert decoding.decode(much).tobytes() == decoding.decode(PNG).tobytes()


def test_a_profile_that_unpacks_to_much_is_passed_over() -> None:
    assert decoding.decode(with_chunks(PNG, profile(b"\0" * 40_000_000))).size == (320, 300)


@each_way
def test_only_the_first_profile_of_a_png_is_read(read: Callable[[bytes], Any]) -> None:
    """Each may unpack to a megabyte, and 20,000 would keep a function until it is killed."""
    read(with_chunks(PNG, *[profile(bytes(opening.MAX_PROFILE_BYTES))] * (opening.MAX_PARTS - 20)))
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for bodies in ([srgb, b"none"], [srgb, srgb], [b"none", srgb]):
        with opening.opened(with_chunks(PNG, *map(profile, bodies))) as image:
            assert image.info.get("icc_profile") == bodies[0]


@pytest.mark.parametrize("body", [b"", b"name", b"name\0", b"name\0\1x", b"name\0\0x", b"\0\0"])
def test_a_profile_that_is_none_is_passed_over(body: bytes) -> None:
    assert decoding.decode(with_chunks(PNG, (b"iCCP", body))).size == (320, 300)


@each_way
@pytest.mark.parametrize("at", [0.0, 0.1, 0.5, 0.9])
def test_pixels_that_cannot_be_unpacked_are_no_image(read: Callable[[bytes], Any], at: float) -> None:
    """Pillow raises once, and after that takes what it has for the picture: half of it, and black."""
    content = bytearray(png_of(Image.effect_noise((256, 256), 60).convert("RGB")))
    start, end = content.index(b"IDAT") + 4, len(content) - 16
    place = start + int((end - start) * at)
    content[place : place + 100] = b"\xff" * 100
    with pytest.raises(InvalidRequest) as refused:
        read(bytes(content))
    assert refused.value.code == "unreadable_image"


def png_of(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def test_more_scans_than_any_encoder_writes_are_refused_before_decoding() -> None:
    content = JPEG[:-2] + b"\xff\xda\0\0" * (opening.MAX_SCANS + 1) + JPEG[-2:]
    with pytest.raises(InvalidRequest) as refused:
        decoding.decode(content)
    assert refused.value.code == "image_too_large"


@cache
def with_parts(kind: str, number: int) -> bytes:
    """A picture with so many parts more of a kind; made once for all ways to read it."""
    marker = {"segments": b"\xff\xfe\0\2", "tables": b"\xff\xc4\0\2"}.get(kind)
    if marker:
        return JPEG[:2] + marker * number + JPEG[2:]
    chunks = {"unknown": (b"prIv", b""), "pHYs": (b"pHYs", struct.pack(">IIB", 1, 1, 1))}
    return with_chunks(PNG, *[chunks.get(kind, (b"IDAT", b""))] * number, at_end=kind == "IDAT")


@each_way
@pytest.mark.parametrize("number", [opening.MAX_PARTS - 20, opening.MAX_PARTS + 1])
@pytest.mark.parametrize("kind", ["segments", "tables", "unknown", "pHYs", "IDAT"])
def test_no_file_is_read_of_more_parts_than_any_encoder_writes(
    read: Callable[[bytes], Any], kind: str, number: int
) -> None:
    """A million of them, in 12 MB, would keep a function until it is killed."""
    content = with_parts(kind, number)
    if number < opening.MAX_PARTS:
        read(content)
        return
    with pytest.raises(InvalidRequest, match="save it anew") as refused:
        read(content)
    assert refused.value.code == "image_too_large"


@each_way
def test_a_jpeg_of_very_many_frames_is_none(read: Callable[[bytes], Any]) -> None:
    """To note what each of them is to have, for 255 components, would keep a function until it is killed."""
    components = b"".join(bytes([number, 0x11, 0]) for number in range(255))
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 8 + len(components), 8, 300, 400, 255) + components
    with pytest.raises(InvalidRequest) as refused:
        read(JPEG[:2] + frame * (opening.MAX_PARTS - 20) + JPEG[2:])
    assert refused.value.code == "unreadable_image"


@each_way
def test_zeros_behind_a_picture_are_no_parts(read: Callable[[bytes], Any]) -> None:
    for content in (JPEG, PNG, an_image(320, 300, image_format="WEBP")):
        read(content + bytes(12 * opening.MAX_PARTS + 24))


@each_way
def test_a_resolution_that_is_no_fraction_is_passed_over(read: Callable[[bytes], Any]) -> None:
    read(with_exif(JPEG, (X_RESOLUTION, 7, 1, b"F"), (RESOLUTION_UNIT, SHORT, 1, b"\2\0")))


SCANS = b"\xff\xda\0\0" * (opening.MAX_SCANS + 1)


@each_way
@pytest.mark.parametrize(
    "content",
    [JPEG + SCANS, JPEG[:2] + b"\xff\xe5" + struct.pack(">H", 2 + len(SCANS)) + SCANS + JPEG[2:]],
    ids=["behind the image", "in its metadata"],
)
def test_what_looks_like_scans_elsewhere_is_none(read: Callable[[bytes], Any], content: bytes) -> None:
    """A telephone's live picture is a JPEG with a film behind it, whose bytes may be any."""
    read(content)


def test_bytes_of_a_webp_are_no_scans() -> None:
    webp = an_image(320, 300, image_format="WEBP")
    chunk = b"XYZ " + struct.pack("<I", len(SCANS)) + SCANS
    decoding.decode(webp[:4] + struct.pack("<I", len(webp) - 8 + len(chunk)) + webp[8:] + chunk)


def test_a_progressive_jpeg_is_read() -> None:
    out = BytesIO()
    Image.open(BytesIO(JPEG)).save(out, "JPEG", progressive=True)
    assert decoding.decode(out.getvalue()).size == (400, 300)


@each_way
@pytest.mark.parametrize(
    ("content", "name"),
    [
        (iso_file(b"heic"), "HEIC"),
        (iso_file(b"avif"), "AVIF"),
        (an_image(image_format="GIF"), "GIF"),
        (an_image(image_format="BMP"), "BMP"),
        (an_image(image_format="TIFF"), "TIFF"),
        (b"%PDF-1.7", "PDF"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "JPEG XL"),
        (iso_file(b"crx "), "Canon raw"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_another_format_is_called_by_its_name(
    read: Callable[[bytes], Any], content: bytes, name: str
) -> None:
    with pytest.raises(InvalidRequest, match=f"format {name};") as refused:
        read(content)
    assert refused.value.code == "unreadable_image"
    assert opening.is_image(content)


@pytest.mark.parametrize("content", [b"", b"hello", b"PK\3\4", b"ftyp", b"\0" * 64])
def test_what_is_no_image_is_none(content: bytes) -> None:
    assert not opening.is_image(content)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_an_image_is_told_by_its_content(kind: str) -> None:
    assert opening.is_image(an_image(image_format=kind))


def says(content: bytes, at: int, order: str, *sides: int) -> bytes:
    """A file whose header has these sides."""
    return content[:at] + struct.pack(f"{order}HH", *sides) + content[at + 4 :]


def a_webp(width: int, height: int) -> bytes:
    return says(an_image(image_format="WEBP"), 26, "<", width, height)


def a_jpeg(mode: str, width: int, height: int, *, progressive: bool) -> bytes:
    out = BytesIO()
    Image.new(mode, (16, 16)).save(out, "JPEG", progressive=progressive)
    frame = b"\xff\xc2" if progressive else b"\xff\xc0"
    return says(out.getvalue(), out.getvalue().index(frame) + 5, ">", height, width)


@pytest.mark.parametrize(
    ("content", "most"),
    [
        (a_webp(7000, 4286), 30_000_000),
        (a_jpeg("CMYK", 7000, 6429, progressive=True), 45_000_000),
        (a_jpeg("CMYK", 7000, 7143, progressive=False), 50_000_000),
        (a_jpeg("RGB", 7000, 7143, progressive=True), 50_000_000),
    ],
    ids=["WebP", "progressive CMYK", "CMYK", "progressive"],
)
def test_a_kind_of_file_whose_decoder_takes_more_has_fewer_pixels(content: bytes, most: int) -> None:
    with pytest.raises(InvalidRequest, match=f"more than {most} pixels. Make it smaller") as refused:
        decoding.decode(content)
    assert refused.value.code == "image_too_large"
    assert refused.value.message.endswith("JPEG or PNG.") == (most < opening.MAX_PIXELS)


@pytest.mark.parametrize(
    "content",
    [
        a_webp(7000, 4285),
        a_jpeg("CMYK", 7000, 6428, progressive=True),
        a_jpeg("CMYK", 7000, 7142, progressive=False),
        a_jpeg("RGB", 7000, 7142, progressive=True),
    ],
    ids=["WebP", "progressive CMYK", "CMYK", "progressive"],
)
def test_so_many_pixels_it_may_have(content: bytes) -> None:
    with opening.opened(content) as image:
        assert image.width == 7000


def test_nothing_is_decoded_of_what_is_too_large() -> None:
    pictures: Callable[[], dict[str, int]] = vars(Image)["core"].get_stats  # that memory was taken for
    for entry in CORPUS.entries():
        if entry.expected == "image_too_large":
            before = pictures()["new_count"]
            with pytest.raises(InvalidRequest):
                decoding.prepare(entry.given, 20_000_000)
            assert pictures()["new_count"] == before, entry.name
