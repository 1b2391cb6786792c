"""Embeds pictures with an exported encoder under ONNX Runtime."""

import json
import os
from array import array
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from itertools import islice
from pathlib import Path

import numpy as np
import onnxruntime

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.score import EncoderVersion
from character_identity.domain.similarity import Embedding
from functions.score_image.preprocessing import Pixels, Preprocessing

WEIGHTS = Path(__file__).with_name("weights")
"""Of the encoder that the image ships."""
MB_PER_VCPU = 1769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html, read 2026-11-22."""
MOST_AT_ONCE = 8
"""Pictures: more at once gain nothing on two cores."""


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

    def embed(self, images: Sequence[bytes]) -> list[Embedding | InvalidRequest]:
        """Return the unit vector of each JPEG, PNG or WebP, or why it has none.

        A reason has the code ``unreadable_image``, ``image_too_large`` or ``black_image``. The next pictures
        are decoded while the model is at work. A picture's vector depends on those beside it by 1e-5 at most.
        """
        embeddings: list[Embedding | InvalidRequest] = []
        with ThreadPoolExecutor(threads(self._memory_mb)) as decoders:
            decoded = decoders.map(self._pixels, images)
            while some := list(islice(decoded, MOST_AT_ONCE)):
                embeddings += self._embed(some)
        return embeddings

    def _pixels(self, image: bytes) -> Pixels | InvalidRequest:
        try:
            return self._preprocessing.pixels(image)
        except InvalidRequest as error:
            return error

    def _embed(self, some: list[Pixels | InvalidRequest]) -> Iterator[Embedding | InvalidRequest]:
        seen = [pixels for pixels in some if not isinstance(pixels, InvalidRequest)]
        vectors = iter(self._session.run(None, {"pixels": np.stack(seen)})[0] if seen else ())
        for each in some:
            yield each if isinstance(each, InvalidRequest) else array("f", next(vectors).tobytes())

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
