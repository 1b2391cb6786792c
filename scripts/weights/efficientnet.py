"""EfficientNet-Lite0 up to its pooled features: no squeeze-and-excitation, ReLU6, batch norms folded away.

Architecture: Google's efficientnet/lite/efficientnet_lite_builder.py, as the PyTorch port that published the
weights has it (efficientnet-lite-pytorch 0.1.0); read 2026-11-22.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scripts.weights.graph import Graph

Array = npt.NDArray[Any]

MEAN, SCALE = 127.0, 128.0
"""Pixels enter the network as (value - 127) / 128, as the Lite models were trained."""
BATCH_NORM_EPSILON = 1e-3


class Stage(NamedTuple):
    """Blocks in a row; the first has the stride and changes the number of channels."""

    blocks: int
    kernel: int
    stride: int
    expanded: bool


LITE0 = (
    Stage(1, 3, 1, expanded=False),
    Stage(2, 3, 2, expanded=True),
    Stage(2, 5, 2, expanded=True),
    Stage(3, 3, 2, expanded=True),
    Stage(3, 5, 1, expanded=True),
    Stage(4, 5, 2, expanded=True),
    Stage(1, 3, 1, expanded=True),
)


def export(
    tensors: Mapping[str, Array], folder: Path, *, size: int = 224, stages: Sequence[Stage] = LITE0
) -> None:
    """Write the network as ONNX: uint8 pixels in, unit vectors of the pooled features out."""
    network = _Network(tensors, size)
    # The mean is subtracted rather than folded into a bias, so that padding stays zero as in training.
    pixels = network.graph.add("Sub", network.graph.float_pixels(), np.array(MEAN))
    x = network.graph.add("Transpose", pixels, perm=[0, 3, 1, 2])
    x = network.convolve(x, "_conv_stem", "_bn0", stride=2, scale=1 / SCALE)
    for index, (stage, first) in enumerate(_blocks(stages)):
        x = network.block(x, f"_blocks.{index}.", stage, first=first)
    x = network.convolve(x, "_conv_head", "_bn1")
    features = network.graph.add("Flatten", network.graph.add("GlobalAveragePool", x))
    network.graph.save(folder, features, len(tensors["_bn1.weight"]), external_data=False)


def _blocks(stages: Sequence[Stage]) -> Iterator[tuple[Stage, bool]]:
    """Yield each block's stage, and whether it is the first there."""
    for stage in stages:
        for position in range(stage.blocks):
            yield stage, position == 0


class _Network:
    """Adds layers to a graph and keeps track of the side of the feature maps."""

    def __init__(self, tensors: Mapping[str, Array], size: int) -> None:
        self.graph = Graph(size)
        self._tensors = tensors
        self._side = size

    def block(self, x: str, prefix: str, stage: Stage, *, first: bool) -> str:
        """Expand, filter each channel, project; add the input where the shape stays."""
        stride = stage.stride if first else 1
        out = self.convolve(x, f"{prefix}_expand_conv", f"{prefix}_bn0") if stage.expanded else x
        out = self.convolve(out, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride=stride, depthwise=True)
        out = self.convolve(out, f"{prefix}_project_conv", f"{prefix}_bn2", relu=False)
        return out if first else self.graph.add("Add", out, x)

    def convolve(
        self,
        x: str,
        convolution: str,
        batch_norm: str,
        *,
        stride: int = 1,
        depthwise: bool = False,
        relu: bool = True,
        scale: float = 1.0,
    ) -> str:
        """Add a convolution with its batch norm folded in, padded as TensorFlow's SAME does."""
        kernel, bias = self._folded(convolution, batch_norm)
        width = kernel.shape[-1]
        before, after = same_padding(self._side, width, stride)
        self._side = -(-self._side // stride)
        out = self.graph.add(
            "Conv",
            x,
            kernel * scale,
            bias,
            kernel_shape=[width, width],
            strides=[stride, stride],
            pads=[before, before, after, after],
            group=len(kernel) if depthwise else 1,
        )
        return self.graph.add("Clip", out, np.array(0.0), np.array(6.0)) if relu else out

    def _folded(self, convolution: str, batch_norm: str) -> tuple[Array, Array]:
        kernel = self._tensors[f"{convolution}.weight"].astype(np.float64)
        gain, offset, mean, variance = (
            self._tensors[f"{batch_norm}.{name}"].astype(np.float64)
            for name in ("weight", "bias", "running_mean", "running_var")
        )
        factor = gain / np.sqrt(variance + BATCH_NORM_EPSILON)
        return kernel * factor[:, None, None, None], offset - mean * factor


def same_padding(side: int, kernel: int, stride: int) -> tuple[int, int]:
    """Zeros before and after that make the output ``ceil(side / stride)`` wide; an outlier after."""
    outputs = -(-side // stride)
    total = max((outputs - 1) * stride + kernel - side, 0)
    return total // 2, total - total // 2
