"""Copies of drawn scenes and lightly edited ones raise the alarm; other scenes, and a flat page, do not."""

import random
from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from character_identity.domain.near_copy import SIDE, near_copy, structure
from character_identity.images.measures import copy_descriptor

Edit = Callable[[Image.Image], Image.Image]


def scene(seed: int) -> Image.Image:
    """Forty ellipses of all sizes and greys."""
    picked = random.Random(seed)
    image = Image.new("RGB", (320, 240), (picked.randrange(256),) * 3)
    draw = ImageDraw.Draw(image)
    for _ in range(40):
        left, top = picked.randrange(-40, 320), picked.randrange(-40, 240)
        right, bottom = left + picked.randrange(10, 140), top + picked.randrange(10, 140)
        colour = (picked.randrange(256), picked.randrange(256), picked.randrange(256))
        draw.ellipse((left, top, right, bottom), fill=colour)
    return image


def as_jpeg(image: Image.Image) -> Image.Image:
    file = BytesIO()
    image.save(file, "JPEG", quality=30)
    return Image.open(file)


def captioned(image: Image.Image) -> Image.Image:
    edited = image.copy()
    ImageDraw.Draw(edited).rectangle((0, 222, 160, 240), fill="white")
    return edited


EDITS: dict[str, Edit] = {
    "none": lambda image: image,
    "jpeg": as_jpeg,
    "half": lambda image: image.resize((160, 120)),
    "dark": lambda image: ImageEnhance.Brightness(image).enhance(0.6),
    "contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.4),
    "grey": ImageOps.grayscale,
    "blurred": lambda image: image.filter(ImageFilter.GaussianBlur(1.5)),
    "caption": captioned,
    "cropped": lambda image: image.crop((3, 3, 317, 237)),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
@pytest.mark.parametrize("seed", range(6))
def test_a_copy_or_a_lightly_edited_one_raises_the_alarm(seed: int, edit: Edit) -> None:
    references = [(str(number), copy_descriptor(scene(number), "")) for number in range(6)]
    found = near_copy(copy_descriptor(edit(scene(seed)), ""), references)
    assert found is not None
    assert (found.reference, found.mirrored) == (str(seed), False)


def test_so_does_the_mirror_image() -> None:
    found = near_copy(copy_descriptor(ImageOps.mirror(scene(1)), ""), [("r", copy_descriptor(scene(1), ""))])
    assert found is not None
    assert found.mirrored
    assert found.structure > 0.95


def test_other_pictures_raise_none() -> None:
    descriptors = [copy_descriptor(scene(seed), "") for seed in range(40)]
    for number, one in enumerate(descriptors):
        others = [(str(index), other) for index, other in enumerate(descriptors) if index != number]
        assert near_copy(one, others) is None


def test_one_outline_with_another_inside_is_no_copy() -> None:
    """The hash alone cannot tell a figure from the front from one from behind."""

    def figure(inside: str) -> Image.Image:
        image = Image.new("RGB", (256, 256), "white")
        draw = ImageDraw.Draw(image)
        draw.ellipse((64, 30, 192, 226), fill="black")
        draw.ellipse((84, 60, 172, 180), fill=inside)
        for row in range(60, 200, 16):
            draw.line((80, row, 176, row + (12 if inside == "white" else -12)), fill="grey", width=5)
        return image

    front, behind = copy_descriptor(figure("white"), ""), copy_descriptor(figure("black"), "")
    assert near_copy(front, [("r", behind)]) is None


def test_structure_is_one_for_the_same_and_low_for_the_negative() -> None:
    grey = random.Random(0).randbytes(SIDE * SIDE)
    assert structure(grey, grey) == pytest.approx(1)
    assert structure(grey, bytes(255 - level for level in grey)) < -0.9
    assert structure(bytes(SIDE * SIDE), bytes([200]) * (SIDE * SIDE)) == 1


def test_nothing_is_a_copy_of_nothing() -> None:
    assert near_copy(copy_descriptor(scene(0), ""), []) is None
