import struct
import zlib
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from character_identity.domain.errors import InvalidRequest
from character_identity.images.decoding import decode
from functions.score_image.preprocessing import Preprocessing

EIGHT = Preprocessing(resize_to=8, input_size=8)
ORIENTATION = 0x0112


def encoded(image: Image.Image, file_format: str = "PNG", **options: Any) -> bytes:
    file = BytesIO()
    image.save(file, file_format, **options)
    return file.getvalue()


def noise(width: int, height: int) -> Image.Image:
    values = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


def png_header(width: int, height: int) -> bytes:
    """A PNG that ends where its pixels would begin."""
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    content = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    return b"\x89PNG\r\n\x1a\n" + content + b"\0\0\0\0IDAT"


def pixels_of(data: bytes) -> npt.NDArray[np.uint8]:
    return EIGHT.pixels_of(decode(data))


def refusal(data: bytes) -> str:
    with pytest.raises(InvalidRequest) as refused:
        pixels_of(data)
    return refused.value.code


@pytest.mark.parametrize(("size", "left", "top"), [((8, 8), 0, 0), ((13, 8), 2, 0), ((8, 11), 0, 1)])
def test_the_centre_is_cut_out_with_the_margin_rounded_down(
    size: tuple[int, int], left: int, top: int
) -> None:
    image = noise(*size)

    expected = np.asarray(image)[top : top + 8, left : left + 8]
    np.testing.assert_array_equal(pixels_of(encoded(image)), expected)


@pytest.mark.parametrize(
    ("size", "resized"), [((40, 24), (26, 16)), ((24, 41), (16, 27)), ((4, 4), (16, 16))]
)
def test_the_shorter_side_is_resized_and_the_longer_one_rounded_down(
    size: tuple[int, int], resized: tuple[int, int]
) -> None:
    image = noise(*size)
    whole = np.asarray(image.resize(resized, Image.Resampling.BICUBIC))
    left, top = (resized[0] - 8) // 2, (resized[1] - 8) // 2

    pixels = Preprocessing(resize_to=16, input_size=8).pixels_of(image)

    np.testing.assert_array_equal(pixels, whole[top : top + 8, left : left + 8])


def test_an_image_lying_on_its_side_is_turned_upright() -> None:
    upright = noise(8, 8)
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # turn clockwise to look at it
    lying = upright.transpose(Image.Transpose.ROTATE_90)

    np.testing.assert_array_equal(pixels_of(encoded(lying, exif=exif)), np.asarray(upright))


def test_transparency_is_laid_on_white() -> None:
    half = Image.new("RGBA", (8, 8), (200, 0, 0, 255))
    half.paste((200, 0, 0, 0), (0, 0, 4, 8))

    pixels = pixels_of(encoded(half))

    assert (pixels[:, :4] == 255).all()
    assert (pixels[:, 4:] == [200, 0, 0]).all()


def colours(image: Image.Image, **options: Any) -> npt.NDArray[np.uint8]:
    colour: npt.NDArray[np.uint8] = pixels_of(encoded(image, **options))[0, 0]
    return colour


def test_every_kind_of_image_becomes_rgb() -> None:
    palette = Image.new("P", (8, 8), 1)
    palette.putpalette([0, 0, 0, 10, 20, 30])
    deep_grey = Image.fromarray(np.full((8, 8), 40_000, np.uint16))

    assert colours(Image.new("L", (8, 8), 77)).tolist() == [77, 77, 77]
    assert colours(palette).tolist() == [10, 20, 30]
    assert colours(palette, transparency=1).tolist() == [255, 255, 255]
    assert colours(deep_grey).tolist() == [156, 156, 156]
    cmyk = colours(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), file_format="JPEG")
    assert np.abs(cmyk.astype(int) - [255, 0, 0]).max() < 8


@pytest.mark.parametrize("file_format", ["JPEG", "PNG", "WEBP"])
def test_the_formats_of_providers_and_references_are_read(file_format: str) -> None:
    pixels = pixels_of(encoded(Image.new("RGB", (8, 8), (90, 90, 90)), file_format))

    assert np.abs(pixels.astype(int) - 90).max() < 3


def test_what_is_no_image_is_refused() -> None:
    whole = encoded(noise(64, 64))

    assert refusal(b"") == "unreadable_image"
    assert refusal(b"<html>expired</html>") == "unreadable_image"
    assert refusal(whole[: len(whole) // 2]) == "unreadable_image"
    assert refusal(encoded(noise(8, 8), "GIF")) == "unreadable_image"


@pytest.mark.parametrize("side", [7_200, 10_000, 60_000])
def test_an_image_of_too_many_pixels_is_refused_by_its_header(side: int) -> None:
    assert refusal(png_header(side, side)) == "image_too_large"


def test_a_sliver_that_would_grow_is_refused() -> None:
    assert refusal(encoded(Image.new("L", (900_000, 1), 200))) == "image_too_large"


def test_a_blanked_image_is_refused() -> None:
    nearly_black = Image.new("RGB", (8, 8), (2, 3, 1))
    one_bright_spot = Image.new("RGB", (8, 8), (0, 0, 0))
    one_bright_spot.putpixel((4, 4), (0, 0, 90))

    assert refusal(encoded(nearly_black)) == "black_image"
    assert pixels_of(encoded(one_bright_spot)).max() == 90
