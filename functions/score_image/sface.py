"""SFace, a face network of OpenCV's zoo, under ONNX Runtime.

What it sees and says is as in OpenCV's FaceRecognizerSF
(https://github.com/opencv/opencv/blob/4.x/modules/objdetect/src/face_recognize.cpp, read 2026-11-28): a face
of 112 x 112 RGB, 0 to 255, laid upright by its landmarks; 128 numbers, compared by their cosine. There five
landmarks place the face; here the eyes do, as dlib's other points are not those.
"""

from functools import cached_property
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
from PIL import Image

from functions.score_image.encoder import load_model

SIDE = 112
RIGHT_EYE, LEFT_EYE = complex(38.2946, 51.6963), complex(73.5318, 51.5014)
"""Where the eyes come to lie, in pixels, as in FaceRecognizerSF; right is the person's right."""

Array = npt.NDArray[Any]


class SFace:
    """The network in the file ``model``."""

    def __init__(self, model: Path, memory_mb: int) -> None:
        self._model = model
        self._memory_mb = memory_mb

    def __call__(self, pixels: npt.NDArray[np.uint8], points: Any) -> Array:
        """Return the 128 numbers of the face with dlib's five points: two of each eye, and the nose."""
        at = [complex(point.x, point.y) for point in points.parts()]
        face = upright(pixels, right_eye=(at[2] + at[3]) / 2, left_eye=(at[0] + at[1]) / 2)
        batch = np.ascontiguousarray(face.transpose(2, 0, 1)[None], np.float32)
        name = self._session.get_inputs()[0].name
        vector: Array = self._session.run(None, {name: batch})[0][0]
        return vector

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        return load_model(self._model, self._memory_mb)


def upright(pixels: npt.NDArray[np.uint8], *, right_eye: complex, left_eye: complex) -> npt.NDArray[np.uint8]:
    """Turn, scale and cut the picture, so that the eyes come to lie where they have to; SIDE x SIDE x RGB."""
    picture = Image.fromarray(pixels)
    per_pixel = (left_eye - right_eye) / (LEFT_EYE - RIGHT_EYE)  # of the face, as an arrow in the picture
    shrink = max(1, ceil(abs(per_pixel) / 2))  # first, for sampling alone would leave out most pixels
    picture = picture.reduce(shrink)
    per_pixel /= shrink
    corner = right_eye / shrink - per_pixel * RIGHT_EYE
    turned = (per_pixel.real, -per_pixel.imag, corner.real, per_pixel.imag, per_pixel.real, corner.imag)
    face = picture.transform((SIDE, SIDE), Image.Transform.AFFINE, turned, Image.Resampling.BICUBIC)
    return np.asarray(face)
