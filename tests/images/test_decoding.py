import hashlib
from collections.abc import Callable
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from character_identity.domain.errors import InvalidRequest
from character_identity.images import decoding
from character_identity.images.decoding import PreparedImage
from character_identity.images.pixels import plain
from local.photographs import EILEEN
from tests.support.builders import an_image

LIMIT = 20_000_000


def prepared(content: bytes) -> PreparedImage:
    return decoding.prepare(content, LIMIT)


def opened(jpeg: bytes) -> Image.Image:
    return Image.open(BytesIO(jpeg), formats=["JPEG"])


def png(image: Image.Image) -> bytes:
    out = BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def refusal(read: Callable[[bytes], Any], content: bytes) -> str:
    with pytest.raises(InvalidRequest) as caught:
        read(content)
    return caught.value.code


def test_an_image_is_turned_upright_and_loses_its_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010E] = "where I live"
    picture = prepared(an_image(400, 300, exif=exif.tobytes()))
    for jpeg in (picture.jpeg, picture.thumbnail):
        with opened(jpeg) as image:
            assert image.size == (300, 400)
            assert not dict(image.getexif())
            assert b"where I live" not in jpeg


def test_transparency_becomes_white() -> None:
    picture = prepared(an_image(colour=(255, 0, 0, 0), image_format="PNG"))
    with opened(picture.jpeg) as image:
        assert image.getpixel((10, 10)) == (255, 255, 255)


def test_grey_of_16_bits_keeps_its_levels() -> None:
    picture = prepared(png(Image.new("I;16", (300, 300), 100 * 256)))
    with opened(picture.jpeg) as image:
        assert image.getpixel((10, 10)) == (100, 100, 100)


def test_equal_pixels_give_equal_bytes_whatever_they_came_in() -> None:
    photograph = Image.open(EILEEN.path)
    photograph.info.clear()
    lossless, tagged = BytesIO(), BytesIO()
    photograph.save(lossless, "WEBP", lossless=True)
    exif = Image.Exif()
    exif[0x010E] = "a comment"
    photograph.save(tagged, "PNG", exif=exif)
    first, second = prepared(lossless.getvalue()), prepared(tagged.getvalue())
    assert first == second == prepared(png(photograph))
    assert first.perceptual_hash.content == hashlib.sha256(first.jpeg).hexdigest()


def test_a_thumbnail_is_small_and_no_image_is_scaled_up() -> None:
    with opened(prepared(an_image(3000, 1000)).thumbnail) as image:
        assert image.size == (512, 171)
    with opened(prepared(an_image(300, 280)).thumbnail) as image:
        assert image.size == (300, 280)


def test_an_image_is_stored_as_well_as_the_limit_lets_it() -> None:
    content = EILEEN.path.read_bytes()
    best = prepared(content).jpeg
    smaller = decoding.prepare(content, len(best) - 1).jpeg
    assert len(smaller) < 0.7 * len(best)
    assert refusal(lambda content: decoding.prepare(content, len(smaller) - 1), content) == "image_too_large"


@pytest.mark.parametrize(
    ("size", "decoded"),
    [((6000, 4000), (3000, 2000)), ((4000, 6000), (2000, 3000)), ((4000, 3000), (4000, 3000))],
)
def test_a_large_jpeg_is_decoded_at_no_more_than_twice_the_size_that_is_kept(
    size: tuple[int, int], decoded: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def noted(image: Image.Image) -> Image.Image:
        sizes.append(image.size)
        return plain(image)

    monkeypatch.setattr(decoding, "plain", noted)
    kept = opened(prepared(an_image(*size)).jpeg).size
    assert (sizes, max(kept)) == ([decoded], decoding.KEPT_SIDE)


@pytest.mark.parametrize("side", [8_000, 10_000, 14_000])
def test_too_many_pixels_are_refused_from_the_header(side: int) -> None:
    content = png(Image.new("1", (side, side)))
    assert {refusal(read, content) for read in (prepared, decoding.inspect)} == {"image_too_large"}


@pytest.mark.parametrize(
    ("size", "code"), [((255, 900), "image_too_small"), ((256, 65_501), "image_too_large")]
)
def test_a_side_that_is_too_short_or_too_long_is_refused(size: tuple[int, int], code: str) -> None:
    assert refusal(prepared, png(Image.new("1", size))) == code


@pytest.mark.parametrize("image_format", ["GIF", "BMP", "TIFF"])
def test_other_formats_are_refused(image_format: str) -> None:
    assert refusal(prepared, an_image(image_format=image_format)) == "unreadable_image"


@pytest.mark.parametrize(("image_format", "suffix"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_inspect_says_what_it_is(image_format: str, suffix: str) -> None:
    facts = decoding.inspect(an_image(image_format=image_format))
    assert (facts.suffix, facts.width, facts.height, facts.blank) == (suffix, 320, 300, False)


def test_a_black_frame_is_blank() -> None:
    assert decoding.inspect(an_image(colour=(3, 3, 3))).blank


@pytest.mark.parametrize(
    ("mode", "colour", "is_blank"),
    [
        ("RGBA", (0, 0, 0, 255), True),
        ("RGBA", (0, 0, 0, 128), False),  # ink on what shows through it
        ("RGBA", (0, 0, 0, 0), False),
        ("LA", (0, 40), False),
        ("I;16", 255, True),
        ("I;16", 40_000, False),
    ],
)
def test_a_frame_is_blank_that_is_black_as_it_is_shown(mode: str, colour: Any, is_blank: bool) -> None:
    content = png(Image.new(mode, (300, 300), colour))
    assert decoding.inspect(content).blank == is_blank
    assert decoding.decode(content).convert("L").getextrema() == (0, 0) or not is_blank


@pytest.mark.parametrize("read", [prepared, decoding.inspect])
def test_half_an_image_is_none(read: Callable[[bytes], Any]) -> None:
    assert refusal(read, an_image()[:-40]) == "unreadable_image"
