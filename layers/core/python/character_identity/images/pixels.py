"""Brings an opened image into the one form that is stored, measured and scored: upright sRGB on white."""

import struct
from functools import cache
from io import BytesIO
from itertools import product

from PIL import ExifTags, Image, ImageChops, ImageCms

from character_identity.images.cicp import adobe_rgb, profile_named

ORIENTATION = 0x0112
"""The EXIF tag: 1 to 8, where 1 is upright."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}

EXIF_SRGB = 1
"""What the EXIF tag ColorSpace says of a picture in sRGB."""

NOT_SEEN = 3
"""Levels of 255 by which makers' sRGB profiles differ in the dark; no other profile is so near."""

_TAGS = 128
"""Where the table of tags begins in a colour profile: their count, and 12 bytes each (ICC.1:2022, 7.3)."""
_ELEMENTS = {b"D2B0", b"D2B1", b"D2B2", b"D2B3"}
_INTEGERS = {1: "B", 3: "H", 4: "I"}
"""EXIF's types of an integer: byte, short and long."""


def plain(image: Image.Image) -> Image.Image:
    """Decode an image and bring it into RGB: upright, in sRGB, transparency on white, 8 bits a channel.

    Of an animation it is the first frame. ``image`` is used up: Pillow takes four bytes a pixel, so of many
    pixels no more copies are held than there must be.
    """
    image.load()  # here: what cannot be decoded raises once, and below it would be taken for bad metadata
    turn = TURNS.get(orientation_of(image))
    image = _instead_of(image, _in_srgb(in_eight_bits(image)))
    if turn is not None:
        image = _instead_of(image, image.transpose(turn))
    image = on_white(image)
    return image if image.mode == "RGB" else image.convert("RGB")


def on_white(image: Image.Image) -> Image.Image:
    """Show white through an image where it is transparent; one that is nowhere so stays as it is."""
    if not image.has_transparency_data:
        return image
    if image.mode != "RGBA":
        image = _instead_of(image, image.convert("RGBA"))
    flat = Image.new("RGB", image.size, "white")
    flat.paste(image, mask=image)
    return flat


def _instead_of(image: Image.Image, other: Image.Image) -> Image.Image:
    if other is not image:
        image.close()
    return other


def orientation_of(image: Image.Image) -> int:
    """Read how an image is to be turned; 1, upright, where nothing that can be read says so."""
    try:
        in_exif = _orientation_in(image.info.get("exif", b""))
        said = int(image.getexif().get(ORIENTATION, 1)) if in_exif is None else in_exif  # XMP may say it
    except Exception:  # whatever Pillow raises about metadata from elsewhere
        return 1
    return said if said in TURNS else 1


def _orientation_in(exif: bytes) -> int | None:
    """Find the orientation in the first directory of EXIF data; None if it is not there.

    Pillow gives up on a directory at the first tag whose value lies beyond the data.
    """
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return None
    try:
        (directory,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, directory)
        for number in range(count):
            tag, kind = struct.unpack_from(f"{order}HH", tiff, directory + 2 + 12 * number)
            if tag == ORIENTATION and kind in _INTEGERS:
                (value,) = struct.unpack_from(order + _INTEGERS[kind], tiff, directory + 10 + 12 * number)
                return int(value)
    except struct.error:  # it ends in the middle
        pass
    return None


def in_eight_bits(image: Image.Image) -> Image.Image:
    """Scale grey of 16 bits; Pillow would clip it, and nearly all of it to white."""
    if not image.mode.startswith("I"):
        return image
    levels = image if image.mode == "I;16" else image.convert("I")
    grey = levels.point(lambda level: level * (1 / 256)).convert("L")
    grey.info = image.info
    return grey


def _in_srgb(image: Image.Image) -> Image.Image:
    """Apply the colour profile; one that cannot be read, or does not fit the image, is ignored.

    Raises:
        InvalidRequest: as ``profile_named``.
    """
    content = profile_named(image.info.get("cicp", b"")) or image.info.get("icc_profile")
    try:
        if not content and not _is_adobe_rgb(image):
            return image
        content = content or adobe_rgb()
        profile = ImageCms.ImageCmsProfile(BytesIO(_without_elements(content)))
        return image if _changes_nothing(profile) else _converted(image, profile)
    except Exception:  # whatever LittleCMS raises about a profile from elsewhere
        return image


def _is_adobe_rgb(image: Image.Image) -> bool:
    """Return True if a camera says in EXIF that its colours are Adobe RGB's; many put no profile beside it.

    guardian/grid, issue 2066; photoprism, pull request 5178. A file of the option R03 whose colour space is
    sRGB was converted since.
    """
    if image.format != "JPEG" or image.mode != "RGB" or b"R03" not in image.info.get("exif", b""):
        return False
    exif = image.getexif()
    said = exif.get_ifd(ExifTags.IFD.Interop).get(ExifTags.Interop.InteropIndex)
    return said == "R03" and exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.ColorSpace) != EXIF_SRGB


def _without_elements(profile: bytes) -> bytes:
    """Rename the tags that list elements (ICC.1:2022, multiProcessElementsType), so that nobody reads them.

    LittleCMS would take them before the tables or curves that a profile has in any case. A hundred thousand
    elements are 1 KB of a PNG, and each colour of the table that LittleCMS makes passes through all of them.
    """
    content = bytearray(profile)
    (count,) = struct.unpack_from(">I", content, _TAGS)
    for at in range(_TAGS + 4, min(_TAGS + 4 + 12 * count, len(content)), 12):
        if profile[at : at + 4] in _ELEMENTS:
            content[at : at + 4] = profile[at : at + 4].lower()
    return bytes(content)


def _changes_nothing(profile: ImageCms.ImageCmsProfile) -> bool:
    """Return True if a profile is sRGB by what it does to colours; linear ones are called so too."""
    if profile.profile.xcolor_space.strip() != "RGB":
        return False
    samples = _samples().copy()
    ImageCms.profileToProfile(samples, profile, _srgb(), inPlace=True)
    return max(ImageChops.difference(samples, _samples()).tobytes()) <= NOT_SEEN


@cache
def _srgb() -> ImageCms.ImageCmsProfile:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@cache
def _samples() -> Image.Image:
    """Six levels of each colour, mixed in all ways."""
    colours = product(range(0, 256, 51), repeat=3)
    return Image.frombytes("RGB", (6**3, 1), bytes(level for colour in colours for level in colour))


def _converted(image: Image.Image, profile: ImageCms.ImageCmsProfile) -> Image.Image:
    mode = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK"}[profile.profile.xcolor_space.strip()]
    if (image.mode == "CMYK") != (mode == "CMYK") or (mode == "L" and Image.getmodebase(image.mode) != "L"):
        return image  # of another picture: it would take the colours away
    alpha = _alpha_of(image) if image.has_transparency_data else None
    colours = _in_mode(image, mode)
    if mode == "RGB":
        ImageCms.profileToProfile(colours, profile, _srgb(), inPlace=True)
        srgb: Image.Image | None = colours
    else:
        srgb = ImageCms.profileToProfile(colours, profile, _srgb(), outputMode="RGB")
    if srgb is None:  # only where it is done in place
        raise ValueError("no image came back")
    if alpha is not None:
        srgb.putalpha(alpha)
    return srgb


def _alpha_of(image: Image.Image) -> Image.Image:
    return (image if image.mode == "RGBA" else image.convert("RGBA")).getchannel("A")


def _in_mode(image: Image.Image, mode: str) -> Image.Image:
    """The colours of an image in a mode without transparency, which a palette may have: by way of RGBA."""
    if image.mode == mode:
        return image
    if mode == "RGB" and image.mode != "RGBA" and image.has_transparency_data:
        image = image.convert("RGBA")
    return image.convert(mode)
