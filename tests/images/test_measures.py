"""The measures of real photographs, and of what may have happened to them, against the thresholds."""

from collections.abc import Callable
from io import BytesIO

import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageOps

from character_identity.domain.image_quality import judge_quality
from character_identity.images.measures import measure_quality, perceptual_hash
from local.photographs import CHELSEA, EILEEN, VIEWS, Photograph, view_of

Picture = Image.Image
PHOTOGRAPHS = {photograph.path.stem: photograph for photograph in (EILEEN, CHELSEA)}
SOFT_VIEW = 6
"""Its 174 pixels are scaled up to 640."""


def opened(photograph: Photograph) -> Picture:
    with Image.open(photograph.path) as image:
        return image.convert("RGB")


def view(number: int) -> Picture:
    return view_of(opened(EILEEN), EILEEN, VIEWS[number])


def jpeg(picture: Picture, quality: int) -> Picture:
    file = BytesIO()
    picture.save(file, "JPEG", quality=quality)
    return Image.open(file).convert("RGB")


def central(picture: Picture, share: float) -> Picture:
    left, top = (round(side * (1 - share) / 2) for side in picture.size)
    return picture.crop((left, top, picture.width - left, picture.height - top))


def brightened(factor: float) -> Callable[[Picture], Picture]:
    return lambda picture: ImageEnhance.Brightness(picture).enhance(factor)


def blurred(radius: float) -> Callable[[Picture], Picture]:
    return lambda picture: picture.filter(ImageFilter.GaussianBlur(radius))


def codes(picture: Picture) -> list[str]:
    return [finding.code for finding in judge_quality(measure_quality(picture), 0)]


def a_figure(colour: str = "red") -> Picture:
    """A drawing on white."""
    picture = Image.new("RGB", (512, 512), "white")
    draw = ImageDraw.Draw(picture)
    draw.ellipse((216, 60, 296, 160), fill="wheat", outline="black", width=3)
    draw.rectangle((206, 160, 306, 420), fill=colour, outline="black", width=3)
    return picture


SAME: dict[str, Callable[[Picture], Picture]] = {
    "jpeg": lambda picture: jpeg(picture, 30),
    "half the size": lambda picture: picture.resize((picture.width // 2, picture.height // 2)),
    "less light": brightened(0.6),
    "grey": lambda picture: picture.convert("L").convert("RGB"),
    "blurred": blurred(3),
    "trimmed": lambda picture: central(picture, 0.98),
}


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("change", SAME)
def test_a_changed_copy_is_near_and_so_is_its_mirror_image(name: str, change: str) -> None:
    picture = opened(PHOTOGRAPHS[name])
    original, copy = perceptual_hash(picture, "a"), SAME[change](picture)
    assert perceptual_hash(copy, "b").is_near(original)
    mirrored = perceptual_hash(ImageOps.mirror(copy), "c")
    assert mirrored.is_nearly_mirrored(original)
    assert not mirrored.is_near(original)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_another_framing_is_not_near(name: str) -> None:
    picture = opened(PHOTOGRAPHS[name])
    cropped = perceptual_hash(central(picture, 0.8), "b")
    assert not cropped.is_near(perceptual_hash(picture, "a"))
    assert not cropped.is_nearly_mirrored(perceptual_hash(picture, "a"))


def test_no_two_views_of_the_demo_are_near() -> None:
    prints = [perceptual_hash(view(number), str(number)) for number in range(len(VIEWS))]
    near = [
        (one.content, other.content)
        for one in prints
        for other in prints
        if one is not other and (one.is_near(other) or one.is_nearly_mirrored(other))
    ]
    assert near == []


def test_different_photographs_are_not_near() -> None:
    one, other = (perceptual_hash(opened(photograph), "") for photograph in PHOTOGRAPHS.values())
    assert not one.is_near(other)
    assert not one.is_nearly_mirrored(other)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize("change", ["jpeg", "half the size", "less light", "grey", "trimmed"])
def test_a_good_photograph_stays_good(name: str, change: str) -> None:
    picture = opened(PHOTOGRAPHS[name])
    assert codes(picture) == []
    assert codes(SAME[change](picture)) == []


@pytest.mark.parametrize("name", PHOTOGRAPHS)
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (blurred(3), "blurred"),
        (blurred(8), "blurred"),
        (brightened(0.2), "too_dark"),
        (lambda picture: blurred(5)(brightened(0.5)(picture)), "blurred"),
    ],
)
def test_a_spoilt_photograph_is_found(name: str, change: Callable[[Picture], Picture], code: str) -> None:
    assert codes(change(opened(PHOTOGRAPHS[name]))) == [code]


def test_a_overexposed_photograph_is_found() -> None:
    assert codes(brightened(3.5)(opened(EILEEN))) == ["too_bright"]


def test_of_the_demos_views_the_one_that_was_scaled_up_is_soft() -> None:
    found = {number: codes(view(number)) for number in range(len(VIEWS))}
    assert {number: found[number] for number in found if found[number]} == {SOFT_VIEW: ["blurred"]}


def test_a_sharp_face_before_a_soft_background_is_sharp() -> None:
    picture = opened(EILEEN)
    face = (150, 40, 300, 190)
    soft = blurred(6)(picture)
    assert codes(soft) == ["blurred"]
    soft.paste(picture.crop(face), face)
    assert codes(soft) == []


def test_a_drawing_on_white_is_neither_overexposed_nor_blurred() -> None:
    assert codes(a_figure()) == []


def test_a_plain_image_shows_nothing() -> None:
    assert codes(Image.new("RGB", (300, 300), "teal")) == ["blurred"]
    assert codes(Image.new("RGB", (300, 300), (2, 3, 4))) == ["black_image"]


@pytest.mark.parametrize("size", [(512, 1), (1, 512), (512, 3), (5, 512)])
def test_a_sliver_can_be_measured(size: tuple[int, int]) -> None:
    quality = measure_quality(Image.new("RGB", size, "white"))
    assert (quality.sharpness, quality.overexposed, quality.overexposed_edge) == (0, 1, 1)
