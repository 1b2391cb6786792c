from io import BytesIO

import pytest
from PIL import Image

from character_identity import pictures
from character_identity.domain.errors import InvalidRequest
from tests.builders import a_picture


def test_a_picture_is_turned_upright_and_loses_its_metadata() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    exif[0x010E] = "where I live"
    upright = pictures.upright_jpeg(a_picture(400, 300, exif=exif))
    with Image.open(BytesIO(upright)) as image:
        assert image.size == (300, 400)
        assert not dict(image.getexif())


def test_transparency_becomes_white() -> None:
    upright = pictures.upright_jpeg(a_picture(colour=(255, 0, 0, 0), image_format="PNG"))
    with Image.open(BytesIO(upright)) as image:
        assert image.getpixel((10, 10)) == (255, 255, 255)


def test_the_same_picture_gives_the_same_bytes() -> None:
    assert pictures.upright_jpeg(a_picture()) == pictures.upright_jpeg(a_picture())


@pytest.mark.parametrize("side", [8_000, 10_000, 14_000])
def test_too_many_pixels_are_refused_from_the_header(side: int) -> None:
    out = BytesIO()
    Image.new("1", (side, side)).save(out, "PNG")
    for read in (pictures.upright_jpeg, pictures.inspect):
        with pytest.raises(InvalidRequest) as caught:
            read(out.getvalue())
        assert caught.value.code == "image_too_large"


@pytest.mark.parametrize(("image_format", "suffix"), [("JPEG", "jpg"), ("PNG", "png"), ("WEBP", "webp")])
def test_inspect_says_what_it_is(image_format: str, suffix: str) -> None:
    facts = pictures.inspect(a_picture(image_format=image_format))
    assert (facts.suffix, facts.width, facts.height, facts.blank) == (suffix, 320, 300, False)


def test_a_black_frame_is_blank() -> None:
    assert pictures.inspect(a_picture(colour=(3, 3, 3))).blank


def test_half_a_picture_is_none() -> None:
    with pytest.raises(InvalidRequest):
        pictures.inspect(a_picture()[:-40])
