"""Embeds pictures with an exported encoder under ONNX Runtime."""

import json
import os
from array import array
from functools import cache, cached_property
from pathlib import Path

import numpy as np
import onnxruntime

from character_identity.domain.score import EncoderVersion
from character_identity.domain.similarity import Embedding
from functions.score_image.preprocessing import Preprocessing

WEIGHTS = Path(__file__).with_name("weights")
"""Of the encoder that the image ships."""
MB_PER_VCPU = 1769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html, read 2026-11-22."""


class OnnxEncoder:
    """The encoder in ``folder`` (model.onnx, encoder.json), with as many threads as ``memory_mb`` pays for.

    The model is loaded when the first picture is embedded: a picture seen before needs none.
    """

    def __init__(self, folder: Path, memory_mb: int) -> None:
        description = json.loads((folder / "encoder.json").read_text())
        self._preprocessing = Preprocessing(description["resizeTo"], description["inputSize"])
        if self._preprocessing.name != description["preprocessing"]:
            found, expected = description["preprocessing"], self._preprocessing.name
            raise ValueError(f"{folder} was made for {found}, not {expected}: make it again")
        self._model = folder / "model.onnx"
        self._memory_mb = memory_mb
        self.version = EncoderVersion(
            description["encoder"], description["weightsSha256"], description["preprocessing"]
        )

    def embed(self, image: bytes) -> Embedding:
        """Return the unit vector of a JPEG, PNG or WebP.

        Raises:
            InvalidRequest: ``unreadable_image``, ``image_too_large`` or ``black_image``.
        """
        pixels = self._preprocessing.pixels(image)
        [[vector]] = self._session.run(None, {"pixels": pixels[np.newaxis]})
        return array("f", vector.tobytes())

    @cached_property
    def _session(self) -> onnxruntime.InferenceSession:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads(self._memory_mb)
        options.inter_op_num_threads = 1
        # A spinning thread burns the share of the CPU that the other one waits for.
        spinning = self._memory_mb >= 2 * MB_PER_VCPU
        options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
        return onnxruntime.InferenceSession(self._model, options, providers=["CPUExecutionProvider"])


@cache
def shipped_encoder(memory_mb: int) -> OnnxEncoder:
    """Return the encoder of the image, the same one in each invocation of a sandbox."""
    return OnnxEncoder(WEIGHTS, memory_mb)


def threads(memory_mb: int) -> int:
    """Return the vCPUs the memory setting pays for, to the nearest whole one that exists."""
    return max(1, min(round(memory_mb / MB_PER_VCPU), os.cpu_count() or 1))
