import struct
from io import BytesIO
from typing import Any

import pytest
from PIL import ExifTags, Image, ImageCms

from character_identity.images.decoding import decode, prepare
from character_identity.images.pixels import ORIENTATION, plain

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def wide_profile() -> bytes:
    """sRGB's own profile with the red and green primaries exchanged, which is still called sRGB."""
    content = bytearray(SRGB)
    count = int.from_bytes(content[128:132], "big")
    tags = {bytes(content[at : at + 4]): at for at in range(132, 132 + 12 * count, 12)}
    red, green = tags[b"rXYZ"], tags[b"gXYZ"]
    content[red + 4 : red + 12], content[green + 4 : green + 12] = (
        content[green + 4 : green + 12],
        content[red + 4 : red + 12],
    )
    return bytes(content)


def with_elements(profile: bytes, number: int) -> bytes:
    """A profile that also lists elements: so many times one that makes everything black."""
    black = b"matf" + bytes(4) + struct.pack(">HH12f", 3, 3, *[0.0] * 12)
    start = 16 + 8 * number
    elements = b"mpet" + bytes(4) + struct.pack(">HHI", 3, 3, number)
    elements += struct.pack(">II", start, len(black)) * number + black
    count = int.from_bytes(profile[128:132], "big")
    places = [struct.unpack(">4sII", profile[at : at + 12]) for at in range(132, 132 + 12 * count, 12)]
    table = b"".join(struct.pack(">4sII", tag, place + 12, size) for tag, place, size in places)
    table += struct.pack(">4sII", b"D2B0", len(profile) + 12, len(elements))
    content = profile[4:128] + (count + 1).to_bytes(4, "big") + table + profile[132 + 12 * count :] + elements
    return (len(content) + 4).to_bytes(4, "big") + content


def colour(content: bytes) -> tuple[int, ...]:
    return tuple(decode(content).getpixel((150, 150)))  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_colour_profile_is_applied(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    image = Image.new("RGB", (300, 300), (200, 60, 60))
    content = encoded(image, kind, icc_profile=wide_profile(), **options)
    red, green, blue = colour(content)
    assert abs(red - 60) < 6 and abs(green - 200) < 6 and abs(blue - 60) < 6
    stored = decode(prepare(content, 10_000_000).jpeg).getpixel((150, 150))
    assert max(abs(one - other) for one, other in zip(stored, (red, green, blue), strict=True)) < 4  # type: ignore[arg-type]


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA", "P", "CMYK", "I;16", "1"])
def test_a_profile_that_does_not_fit_is_ignored(mode: str) -> None:
    kind = "JPEG" if mode == "CMYK" else "PNG"
    image = Image.new(mode, (300, 300), 1 if mode == "P" else 0)
    plain = colour(encoded(image, kind))
    assert colour(encoded(image, kind, icc_profile=b"no profile")) == plain


@pytest.mark.parametrize(
    ("mode", "kind", "space"),
    [
        *(("RGB", kind, b"GRAY") for kind in ("JPEG", "PNG", "WEBP")),
        *((mode, "PNG", b"GRAY") for mode in ("RGBA", "P")),
        *(("CMYK", "JPEG", space) for space in (b"GRAY", b"RGB ")),
    ],
)
def test_a_profile_of_other_channels_takes_no_colour_away(mode: str, kind: str, space: bytes) -> None:
    """Editors leave a grey profile in a picture that was coloured, and an RGB one in a separated one."""
    image = Image.new("RGB", (300, 300), (204, 51, 51)).convert(mode)
    options = {"lossless": True} if kind == "WEBP" else {}
    profile = grey_profile() if space == b"GRAY" else wide_profile()
    red, green, blue = colour(encoded(image, kind, icc_profile=profile, **options))
    assert abs(red - 204) < 6 and abs(green - 51) < 6 and abs(blue - 51) < 6


@pytest.mark.parametrize(
    ("option", "space", "right"),
    [
        ("R03", 0xFFFF, (200, 60, 60)),
        ("R03", 2, (200, 60, 60)),
        ("R03", None, (200, 60, 60)),
        ("R03", 1, (173, 62, 62)),
        ("R98", 0xFFFF, (173, 62, 62)),
        (None, 0xFFFF, (173, 62, 62)),
    ],
)
def test_a_camera_says_adobe_rgb_without_a_profile(
    option: str | None, space: int | None, right: tuple[int, ...]
) -> None:
    """Those of Nikon, Canon, Sony and Fuji do: by the option of DCF in EXIF, and a colour space of none."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    said = exif.get_ifd(ExifTags.IFD.Exif)
    if space is not None:
        said[ExifTags.Base.ColorSpace] = space
    if option is not None:
        said[ExifTags.IFD.Interop] = {ExifTags.Interop.InteropIndex: option}
    image = Image.new("RGB", (300, 400), (173, 62, 62))
    content = encoded(image, "JPEG", exif=exif, quality=95)
    assert decode(content).size == (400, 300)
    assert max(abs(one - other) for one, other in zip(colour(content), right, strict=True)) < 3
    profiled = encoded(image, "JPEG", exif=exif, quality=95, icc_profile=SRGB)
    assert max(abs(one - other) for one, other in zip(colour(profiled), (173, 62, 62), strict=True)) < 3


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_elements_of_a_profile_are_not_read(kind: str) -> None:
    """A hundred thousand, 3 KB of a PNG, would keep a function until it is killed."""
    image = Image.new("RGB", (300, 300), (200, 60, 60))
    usual = colour(encoded(image, kind, icc_profile=wide_profile()))
    assert usual != colour(encoded(image, kind))
    for number in (1, 100_000):
        assert colour(encoded(image, kind, icc_profile=with_elements(wide_profile(), number))) == usual


@pytest.mark.parametrize("length", [0, 100, 128, 130, 132, 140, 200])
def test_a_profile_that_breaks_off_is_ignored(length: int) -> None:
    image = Image.new("RGB", (300, 300), (200, 60, 60))
    assert colour(encoded(image, icc_profile=wide_profile()[:length])) == (200, 60, 60)


def test_transparency_outlives_a_profile() -> None:
    image = Image.new("RGBA", (300, 300), (200, 60, 60, 0))
    assert colour(encoded(image, icc_profile=wide_profile())) == (255, 255, 255)


def test_a_grey_image_with_a_grey_profile_stays_grey() -> None:
    # A grey profile with a gamma of 2.2, as cameras and scanners write it.
    red, green, blue = colour(encoded(Image.new("L", (300, 300), 128), icc_profile=grey_profile()))
    assert red == green == blue and abs(red - 128) < 4


def grey_profile() -> bytes:
    curve = b"curv\0\0\0\0\0\0\0\1\2\x33\0\0"
    white = b"XYZ \0\0\0\0" + bytes.fromhex("0000f6d6000100000000d32d")
    text = b"desc\0\0\0\0\0\0\0\5grey\0" + b"\0" * 78
    bodies = [(b"desc", text), (b"wtpt", white), (b"kTRC", curve)]
    start = 128 + 4 + 12 * len(bodies)
    table, data = len(bodies).to_bytes(4, "big"), b""
    for tag, body in bodies:
        body += b"\0" * (-len(body) % 4)
        table += tag + (start + len(data)).to_bytes(4, "big") + len(body).to_bytes(4, "big")
        data += body
    size = start + len(data)
    header = size.to_bytes(4, "big") + b"\0\0\0\0" + b"\2\x10\0\0" + b"mntrGRAYXYZ " + b"\0" * 12 + b"acsp"
    header = header.ljust(68, b"\0") + bytes.fromhex("0000f6d6000100000000d32d")
    return header.ljust(128, b"\0") + table + data


def test_srgb_itself_changes_nothing() -> None:
    image = Image.effect_noise((300, 300), 80).convert("RGB")
    assert decode(encoded(image, icc_profile=SRGB)).tobytes() == image.tobytes()


@pytest.mark.parametrize("mode", ["L", "LA", "P", "RGBA", "CMYK", "I;16"])
def test_what_was_brought_into_another_form_is_let_go_of(mode: str) -> None:
    """A copy of 50 megapixels is 200 MB."""
    kind = "JPEG" if mode == "CMYK" else "PNG"
    profile = wide_profile() if mode == "CMYK" else None
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    with Image.open(
        BytesIO(encoded(Image.new(mode, (30, 20)), kind, icc_profile=profile, exif=exif))
    ) as image:
        assert plain(image).size == (20, 30)
        with pytest.raises(ValueError, match="closed image"):
            image.getpixel((0, 0))
