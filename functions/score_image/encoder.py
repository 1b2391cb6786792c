"""Embeds pictures with an exported encoder under ONNX Runtime."""

import json
import os
from array import array
from base64 import b64decode
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache, cached_property
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.near_copy import CopyDescriptor
from character_identity.domain.similarity import Embedding
from character_identity.domain.view import EncoderVersion, View
from character_identity.images.decoding import decode
from character_identity.images.measures import copy_descriptor
from functions.score_image.preprocessing import Pixels, Preprocessing

WEIGHTS = Path(__file__).with_name("weights")
"""Of the encoder that the image ships."""
DECOYS = Path(__file__).with_name("decoys")
"""Embeddings of pictures of anything, by encoder; docs/scoring.md says of which, and how they are made."""
MB_PER_VCPU = 1769
"""https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html, read 2026-11-22."""
MOST_AT_ONCE = 8
"""Pictures: more at once gain nothing on two cores."""


class OnnxEncoder:
    """The encoder in ``folder``, with as many threads as ``memory_mb`` pays for.

    Its files are encoder.json and the parts of the model, model-1.onnx and on; each part's output is the next
    one's input. They are loaded when the first picture is embedded: a picture seen before needs none. The
    first batch is computed by the weights as they lie in the files, one part in memory at a time, which takes
    15 ms longer and is ready 230 ms sooner than weights laid out for the processor (CLIP, two cores,
    2026-11-28); those are loaded for the second, and stay.
    """

    def __init__(self, folder: Path, memory_mb: int) -> None:
        description = json.loads((folder / "encoder.json").read_text())
        self._preprocessing = Preprocessing(description["resizeTo"], description["inputSize"])
        if self._preprocessing.name != description["preprocessing"]:
            found, expected = description["preprocessing"], self._preprocessing.name
            raise ValueError(f"{folder} was made for {found}, not {expected}: make it again")
        self._folder = folder
        self._memory_mb = memory_mb
        self._is_new = True
        self.version = EncoderVersion(
            description["encoder"], description["weightsSha256"], description["preprocessing"]
        )

    @cached_property
    def decoy(self) -> Embedding | None:
        """The mean of the embeddings of decoys; None where this version has none."""
        return mean_decoy(self.version)

    def embed(self, images: Sequence[bytes]) -> list[View | InvalidRequest]:
        """Return the unit vector of each JPEG, PNG or WebP and its descriptor, or why it has none.

        A reason has the code ``unreadable_image``, ``image_too_large`` or ``black_image``. The next pictures
        are decoded while the model is at work. A picture's vector depends on those beside it by 1e-5 at most.
        """
        views: list[View | InvalidRequest] = []
        with ThreadPoolExecutor(threads(self._memory_mb)) as decoders:
            decoded = decoders.map(self._decode, images)
            while some := list(islice(decoded, MOST_AT_ONCE)):
                views += self._embed(some)
        return views

    def _decode(self, content: bytes) -> tuple[Pixels, CopyDescriptor] | InvalidRequest:
        try:
            image = decode(content)
            return self._preprocessing.pixels_of(image), copy_descriptor(image, sha256(content).hexdigest())
        except InvalidRequest as error:
            return error

    def _embed(
        self, some: list[tuple[Pixels, CopyDescriptor] | InvalidRequest]
    ) -> Iterator[View | InvalidRequest]:
        pixels = [each[0] for each in some if not isinstance(each, InvalidRequest)]
        vectors = iter(self._run(np.stack(pixels)) if pixels else ())
        for each in some:
            if isinstance(each, InvalidRequest):
                yield each
            else:
                yield View(array("f", next(vectors).tobytes()), each[1])

    def _run(self, pixels: Pixels) -> npt.NDArray[Any]:
        x: npt.NDArray[Any] = pixels
        if self._is_new:
            self._is_new = False
            for part in self._parts:
                x = _output(load_model(part, self._memory_mb, laid_out=False), x)  # and let it go
        else:
            for model in self._models:
                x = _output(model, x)
        return x

    @cached_property
    def _parts(self) -> list[Path]:
        found = sorted(self._folder.glob("model-*.onnx"))
        if not found:
            raise ValueError(f"{self._folder} holds no model-1.onnx: make it again")
        return found

    @cached_property
    def _models(self) -> list[onnxruntime.InferenceSession]:
        return [load_model(part, self._memory_mb) for part in self._parts]


@cache
def shipped_encoder(memory_mb: int) -> OnnxEncoder:
    """Return the encoder of the image, the same one in each invocation of a sandbox."""
    return OnnxEncoder(WEIGHTS, memory_mb)


def load_model(model: Path, memory_mb: int, *, laid_out: bool = True) -> onnxruntime.InferenceSession:
    """Load a model for as many threads as the memory setting pays for, its weights laid out or as mapped."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads(memory_mb)
    options.inter_op_num_threads = 1
    # A spinning thread burns the share of the CPU that the other one waits for.
    spinning = memory_mb >= 2 * MB_PER_VCPU
    options.add_session_config_entry("session.intra_op.allow_spinning", "1" if spinning else "0")
    options.add_session_config_entry("session.force_spinning_stop", "1")  # for the next part
    options.add_session_config_entry("session.disable_prepacking", "0" if laid_out else "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def _output(model: onnxruntime.InferenceSession, x: npt.NDArray[Any]) -> npt.NDArray[Any]:
    [given] = model.get_inputs()
    [output] = model.run(None, {given.name: x})
    return output  # type: ignore[no-any-return]


def mean_decoy(version: EncoderVersion) -> Embedding | None:
    """Return the mean of the decoys' embeddings in DECOYS; None where this version has none."""
    file = DECOYS / f"{version.encoder}.json"
    if not file.exists():
        return None
    known = json.loads(file.read_text())
    if EncoderVersion(known["encoder"], known["weightsSha256"], known["preprocessing"]) != version:
        return None
    vectors = [np.frombuffer(b64decode(vector), "<f2") for vector in known["decoys"].values()]
    return array("f", np.mean(vectors, axis=0, dtype=np.float32).tobytes())


def threads(memory_mb: int) -> int:
    """Return the vCPUs the memory setting pays for, to the nearest whole one that exists."""
    return max(1, min(round(memory_mb / MB_PER_VCPU), os.cpu_count() or 1))
