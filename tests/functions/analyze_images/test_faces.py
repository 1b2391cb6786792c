"""The detector on real photographs; docs/scoring.md has what was measured on more of them."""

from io import BytesIO

import pytest
from PIL import Image, ImageEnhance, ImageOps

from functions.analyze_images.faces import FaceDetector
from local.photographs import CHELSEA, EILEEN, VIEWS, Photograph, view_of

Picture = Image.Image


@pytest.fixture(scope="module")
def detector() -> FaceDetector:
    return FaceDetector()


def jpeg(picture: Picture, quality: int = 90) -> bytes:
    small, file = picture.copy(), BytesIO()
    small.thumbnail((512, 512))
    small.save(file, "JPEG", quality=quality)
    return file.getvalue()


def opened(photograph: Photograph) -> Picture:
    with Image.open(photograph.path) as image:
        return image.convert("RGB")


@pytest.mark.parametrize("number", range(len(VIEWS)))
def test_a_portrait_has_one_face_in_every_view(detector: FaceDetector, number: int) -> None:
    assert detector.count(jpeg(view_of(opened(EILEEN), EILEEN, VIEWS[number]))) == 1


@pytest.mark.parametrize("number", range(len(VIEWS)))
def test_a_cat_has_none(detector: FaceDetector, number: int) -> None:
    assert detector.count(jpeg(view_of(opened(CHELSEA), CHELSEA, VIEWS[number]))) == 0


def test_two_people_have_two(detector: FaceDetector) -> None:
    portrait = opened(EILEEN)
    both = Image.new("RGB", (1024, 512))
    both.paste(portrait, (0, 0))
    both.paste(ImageOps.mirror(portrait), (512, 0))
    assert detector.count(jpeg(both)) == 2


def test_a_face_is_found_in_the_dark_in_grey_and_badly_compressed(detector: FaceDetector) -> None:
    portrait = opened(EILEEN)
    assert detector.count(jpeg(ImageEnhance.Brightness(portrait).enhance(0.5))) == 1
    assert detector.count(jpeg(portrait.convert("L"))) == 1
    assert detector.count(jpeg(portrait, quality=20)) == 1


def test_nothing_has_no_face(detector: FaceDetector) -> None:
    assert detector.count(jpeg(Image.new("RGB", (512, 1), "teal"))) == 0
    assert detector.count(jpeg(Image.new("RGB", (512, 512), "white"))) == 0
