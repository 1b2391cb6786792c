"""Files are read back with Pillow, which has writers and readers of XMP of its own."""

import struct
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from character_identity.domain.provenance import DIGITAL_SOURCE_TYPE, Provenance
from character_identity.images.xmp import MAX_JPEG_PACKET, with_xmp
from tests.images.files import compressed_text, upright, with_chunks, with_exif
from tests.support.builders import an_image

PROVENANCE = Provenance(
    generation_id="g1",
    index=1,
    provider="fal-instant",
    model="fal-ai/instant-character",
    simulated=False,
    stored_at=datetime(2026, 11, 28, tzinfo=UTC),
)
FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp"}
OTHERS = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="Painter"/>'
    b"</rdf:RDF></x:xmpmeta>"
)
WRONG = OTHERS.replace(b"CreatorTool", b"DigitalSourceType")

for_each_format = pytest.mark.parametrize("image_format", FORMATS)


def marked(content: bytes) -> bytes:
    with Image.open(BytesIO(content)) as image:
        content_type = FORMATS.get(str(image.format), "image/jpeg")
    return with_xmp(content, content_type, PROVENANCE)


def described(content: bytes) -> list[dict[str, Any]]:
    """What the XMP of a file says, description by description."""
    with Image.open(BytesIO(content)) as image:
        image.load()
        found = image.getxmp()["xmpmeta"]["RDF"]["Description"]
    return found if isinstance(found, list) else [found]


def pixels(content: bytes) -> tuple[tuple[int, int], bytes]:
    with Image.open(BytesIO(content)) as image:
        return image.size, image.convert("RGBA").tobytes()


def as_we_say_it(description: dict[str, Any]) -> bool:
    return (description.get("DigitalSourceType"), description.get("AISystemUsed")) == (
        DIGITAL_SOURCE_TYPE,
        PROVENANCE.model,
    )


PICTURES = {
    **{image_format: an_image(image_format=image_format) for image_format in FORMATS},
    "WebP, lossless": an_image(image_format="WEBP", lossless=True),
    "WebP, transparent": an_image(image_format="WEBP", colour=(10, 200, 30, 90)),
    "WebP, lossless and transparent": an_image(image_format="WEBP", colour=(10, 200, 30, 90), lossless=True),
    "WebP, odd sides": an_image(257, 259, image_format="WEBP"),
    "PNG, transparent": an_image(image_format="PNG", colour=(10, 200, 30, 90)),
    "PNG with a workflow": with_chunks(an_image(image_format="PNG"), compressed_text(10_000)),
    "JPEG, progressive": an_image(progressive=True),
    "JPEG with Exif": with_exif(an_image(), upright()),
    "JPEG of several pictures": an_image(image_format="MPO"),
    "JPEG with bytes behind": an_image() + b"and more",
    "PNG with bytes behind": an_image(image_format="PNG") + b"and more",
}


@pytest.mark.parametrize("content", PICTURES.values(), ids=PICTURES)
def test_every_file_says_that_a_model_made_it_and_no_pixel_changes(content: bytes) -> None:
    result = marked(content)
    assert [as_we_say_it(description) for description in described(result)] == [True]
    assert pixels(result) == pixels(content)


@pytest.mark.parametrize("content", PICTURES.values(), ids=PICTURES)
def test_marking_again_changes_nothing(content: bytes) -> None:
    assert marked(marked(content)) == marked(content)


@for_each_format
def test_what_the_file_said_before_stays(image_format: str) -> None:
    said = described(marked(an_image(image_format=image_format, **_xmp(image_format, OTHERS))))
    assert [description.get("CreatorTool") for description in said] == ["Painter", None]
    assert as_we_say_it(said[1])


@for_each_format
def test_another_source_type_is_not_left_beside_ours(image_format: str) -> None:
    said = described(marked(an_image(image_format=image_format, **_xmp(image_format, WRONG))))
    assert [as_we_say_it(description) for description in said] == [True]


@for_each_format
@pytest.mark.parametrize(
    "packet", [b"", b"\xff\xfe<\0x\0", b"no XML at all"], ids=["none", "UTF-16", "no XML"]
)
def test_a_packet_that_cannot_be_added_to_is_replaced(image_format: str, packet: bytes) -> None:
    said = described(marked(an_image(image_format=image_format, **_xmp(image_format, packet))))
    assert [as_we_say_it(description) for description in said] == [True]


def test_a_packet_that_would_not_fit_in_a_jpeg_is_replaced() -> None:
    full = OTHERS.replace(b"Painter", b"P" * (MAX_JPEG_PACKET - len(OTHERS)))
    said = described(marked(an_image(xmp=full)))
    assert [as_we_say_it(description) for description in said] == [True]


def test_a_simulated_picture_says_so() -> None:
    simulated = Provenance(**{**vars(PROVENANCE), "simulated": True})
    (said,) = described(with_xmp(an_image(), "image/jpeg", simulated))
    assert said["AISystemUsed"] == "fal-ai/instant-character (simulated)"


def test_jfif_and_exif_stay_in_front_of_it() -> None:
    jpeg = with_exif(an_image(), upright())
    result = marked(jpeg)
    assert result.index(b"Exif\0\0") < result.index(b"ns.adobe.com")
    with Image.open(BytesIO(result)) as image:
        assert image.getexif()[0x0112] == 6


@for_each_format
def test_a_manifest_that_would_not_fit_any_more_goes(image_format: str) -> None:
    """Fill bytes between the segments of a JPEG do not hide it."""
    content = an_image(image_format=image_format)
    box = b"JP\0\1\0\0\0\1jumb c2pa"
    chunk = b"C2PA" + struct.pack("<I", len(box)) + box + b"\0" * (len(box) % 2)
    with_manifest = {
        "JPEG": content[:2] + b"\xff\xff\xff\xeb" + struct.pack(">H", len(box) + 2) + box + content[2:],
        "PNG": with_chunks(content, (b"caBX", box)),
        "WEBP": content[:4] + struct.pack("<I", len(content) - 8 + len(chunk)) + content[8:] + chunk,
    }[image_format]
    result = with_xmp(with_manifest, FORMATS[image_format], PROVENANCE)
    assert box not in result
    assert pixels(result) == pixels(content)


@for_each_format
@pytest.mark.parametrize("kept", [0, 1, 3])
def test_a_file_that_is_none_is_said_to_be_none(image_format: str, kept: int) -> None:
    content = an_image(image_format=image_format)[:kept]
    with pytest.raises(ValueError):
        with_xmp(content, FORMATS[image_format], PROVENANCE)


def _xmp(image_format: str, packet: bytes) -> dict[str, Any]:
    """How Pillow is told to write a packet."""
    if image_format == "PNG":
        from PIL.PngImagePlugin import PngInfo

        info = PngInfo()
        info.add_itxt("XML:com.adobe.xmp", packet.decode("latin-1"))
        return {"pnginfo": info}
    return {"xmp": packet}
