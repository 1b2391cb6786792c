"""Finds the faces in a picture with dlib, and embeds them; docs/scoring.md says what was measured.

dlib is imported when the first picture is looked at: 0.2 s and 23 MiB that pictures of things do without.
"""

import json
from array import array
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache, cached_property
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from character_identity.domain.face import Box, Face, NoFace
from character_identity.domain.similarity import Embedding
from character_identity.domain.view import EncoderVersion
from character_identity.images.decoding import decode_within
from functions.score_image.encoder import mean_decoy
from functions.score_image.sface import SFace

FACE_WEIGHTS = Path(__file__).with_name("face_weights")
"""Of the face encoder that the image ships; it may ship none."""
WINDOW = 80
"""Pixels: of the width of the smallest face that the detectors see."""
FRONTAL_SIDES = (1024, 2048)
"""Pixels of the longer side at which frontal faces are looked for, the second where the first shows none:
a face of 1/25 of the longer side is found."""
FRAME = 0.2
"""Of the longer side, put around a picture that shows none at first: a face that fills it has no outline."""
TINY_SIDE = 4096
"""At which those are found that are too small: 20 of 1024 pixels."""
TURNED_SIDE = 512
"""At which those are found that are turned away; it takes ten times as long for each pixel."""
MIN_SCORE = 0.5
"""Of either detector, whose own least is 0."""
LARGEST, SMALLEST = 2048, 40
"""Pixels: of the longer side of the picture that faces are cut out of, and of a face's width in it."""
MOST_FACES = 8
"""Of one picture; the largest count."""
VERSION = "v1"
"""Raise it when an embedding may come out differently; cached embeddings and scores carry it."""

Pixels = npt.NDArray[np.uint8]


class FaceEncoder:
    """The face encoder in ``folder``, with as many threads as ``memory_mb`` pays for.

    Its files are encoder.json, eyes.dat, turned.dat, and network.dat of dlib's or network.onnx of SFace's.
    """

    def __init__(self, folder: Path, memory_mb: int) -> None:
        described = json.loads((folder / "encoder.json").read_text())
        expected = f"dlib-hog-{FRONTAL_SIDES[0]}-5-points-{described['faceSize']}-{VERSION}"
        if described["preprocessing"] != expected:
            raise ValueError(
                f"{folder} was made for {described['preprocessing']}, not {expected}: make it again"
            )
        self._folder = folder
        self._memory_mb = memory_mb
        self._free_detectors: list[Any] = []
        self._embedding = Lock()
        self.version = EncoderVersion(described["encoder"], described["weightsSha256"], expected)

    @cached_property
    def decoy(self) -> Embedding | None:
        """The mean of the embeddings of strangers' faces; None where this version has none."""
        return mean_decoy(self.version)

    def faces(self, image: bytes) -> list[Face]:
        """Return the faces of a JPEG, PNG or WebP that are seen from the front, the largest first.

        Two threads find those of two pictures in the time of one; only to embed them they wait for another.

        Raises:
            InvalidRequest: as ``images.decoding.decode``.
        """
        picture = decode_within(image, LARGEST)
        boxes = [box for box in self._frontal(picture) if box.width * picture.width >= SMALLEST]
        pixels = np.asarray(picture)
        with self._embedding:
            return [Face(self._embed(pixels, box), _inside(box)) for box in boxes[:MOST_FACES]]

    def why_none(self, image: bytes) -> NoFace:
        """Say why a picture has no face that can be compared. It takes longer than to compare one."""
        picture = decode_within(image, LARGEST)
        if self._is_turned(picture):
            return "profile"
        return "too_small" if self._boxes(picture, TINY_SIDE) else "no_face"

    def _is_turned(self, picture: Image.Image) -> bool:
        pixels = _scaled(picture, TURNED_SIDE)
        if min(pixels.shape[:2]) < WINDOW:
            return False
        return any(found.confidence >= MIN_SCORE for found in self._turned(pixels, 0))

    def _frontal(self, picture: Image.Image) -> list[Box]:
        first, second = FRONTAL_SIDES
        return self._boxes(picture, first) or self._framed(picture, first) or self._boxes(picture, second)

    def _framed(self, picture: Image.Image, longest: int) -> list[Box]:
        """The frontal faces that are seen when the picture is framed, as they are in the picture."""
        frame = round(FRAME * max(picture.size))
        width, height = picture.size
        whole_width, whole_height = width + 2 * frame, height + 2 * frame
        return [
            Box(
                (box.left * whole_width - frame) / width,
                (box.top * whole_height - frame) / height,
                box.width * whole_width / width,
                box.height * whole_height / height,
            )
            for box in self._boxes(ImageOps.expand(picture, frame, "grey"), longest)
        ]

    def _boxes(self, picture: Image.Image, longest: int) -> list[Box]:
        """The frontal faces that are seen at that size, the largest first."""
        pixels = _scaled(picture, longest)
        height, width, _ = pixels.shape
        with self._detector() as detector:
            found, _, _ = detector.run(pixels, 0, MIN_SCORE)
        boxes = [
            Box(box.left() / width, box.top() / height, box.width() / width, box.height() / height)
            for box in found
        ]
        return sorted(boxes, key=lambda box: box.width, reverse=True)

    def _embed(self, pixels: Pixels, box: Box) -> Embedding:
        height, width, _ = pixels.shape
        left, top = round(box.left * width), round(box.top * height)
        right, bottom = left + round(box.width * width), top + round(box.height * height)
        eyes = self._eyes(pixels, self._dlib.rectangle(left, top, right, bottom))
        vector = np.asarray(self._network(pixels, eyes), np.float32)
        return array("f", (vector / np.linalg.norm(vector)).tobytes())

    @cached_property
    def _dlib(self) -> Any:
        import dlib  # type: ignore[import-untyped]  # see above

        return dlib

    @contextmanager
    def _detector(self) -> Iterator[Any]:
        """A detector that nobody else uses meanwhile; to make one takes 0.4 s, so it is used again."""
        try:
            detector = self._free_detectors.pop()
        except IndexError:
            detector = self._dlib.get_frontal_face_detector()
        try:
            yield detector
        finally:
            self._free_detectors.append(detector)

    @cached_property
    def _eyes(self) -> Any:
        return self._dlib.shape_predictor(str(self._folder / "eyes.dat"))

    @cached_property
    def _turned(self) -> Any:
        return self._dlib.cnn_face_detection_model_v1(str(self._folder / "turned.dat"))

    @cached_property
    def _network(self) -> Any:
        """Take pixels and a face's five points to numbers."""
        onnx = self._folder / "network.onnx"
        if onnx.exists():
            return SFace(onnx, self._memory_mb)
        network = self._dlib.face_recognition_model_v1(str(self._folder / "network.dat"))
        return network.compute_face_descriptor


@cache
def shipped_face_encoder(memory_mb: int) -> FaceEncoder | None:
    """Return the face encoder of the image, the same in each invocation of a sandbox; None without one."""
    return FaceEncoder(FACE_WEIGHTS, memory_mb) if (FACE_WEIGHTS / "encoder.json").exists() else None


def _inside(box: Box) -> Box:
    """The part of the box that is in the picture."""
    left, top = max(0.0, box.left), max(0.0, box.top)
    right, bottom = min(1.0, box.left + box.width), min(1.0, box.top + box.height)
    return Box(left, top, right - left, bottom - top)


def _scaled(picture: Image.Image, longest: int) -> Pixels:
    scale = longest / max(picture.size)
    width, height = (max(1, round(scale * side)) for side in picture.size)
    return np.asarray(picture.resize((width, height), Image.Resampling.BICUBIC))
