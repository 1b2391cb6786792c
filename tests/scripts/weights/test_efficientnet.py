from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from scripts.weights import efficientnet
from scripts.weights.efficientnet import LITE0, Stage, same_padding

Array = npt.NDArray[Any]

SIZE = 15
STAGES = (Stage(1, 3, 1, expanded=False), Stage(2, 5, 2, expanded=True))
CHANNELS = (8, 6, 12, 12, 20)
"""After the stem, each block and the head. Only the third block keeps the shape."""


def random_tensors() -> dict[str, Array]:
    random = np.random.default_rng(0)
    tensors: dict[str, Array] = {}

    def add(convolution: str, batch_norm: str, *shape: int) -> None:
        fan_in = int(np.prod(shape[1:]))
        tensors[f"{convolution}.weight"] = random.normal(scale=fan_in**-0.5, size=shape)
        for name in ("weight", "bias", "running_mean"):
            tensors[f"{batch_norm}.{name}"] = random.normal(size=shape[0])
        tensors[f"{batch_norm}.running_var"] = random.uniform(0.5, 2, shape[0])

    add("_conv_stem", "_bn0", CHANNELS[0], 3, 3, 3)
    for index, kernel in enumerate([3, 5, 5]):
        prefix, entering, leaving = f"_blocks.{index}.", CHANNELS[index], CHANNELS[index + 1]
        inner = entering if index == 0 else 6 * entering
        if index > 0:
            add(f"{prefix}_expand_conv", f"{prefix}_bn0", inner, entering, 1, 1)
        add(f"{prefix}_depthwise_conv", f"{prefix}_bn1", inner, 1, kernel, kernel)
        add(f"{prefix}_project_conv", f"{prefix}_bn2", leaving, inner, 1, 1)
    add("_conv_head", "_bn1", CHANNELS[-1], CHANNELS[-2], 1, 1)
    return tensors


def plain_network(t: dict[str, Array], pixels: Array) -> Array:
    """The same network written out, batch norms unfolded, for one picture."""

    def convolve(
        x: Array, name: str, norm: str, stride: int = 1, depthwise: bool = False, relu: bool = True
    ) -> Array:
        kernel = t[f"{name}.weight"]
        width = kernel.shape[-1]
        outputs = -(-x.shape[-1] // stride)
        missing = max((outputs - 1) * stride + width - x.shape[-1], 0)
        before, after = missing // 2, missing - missing // 2
        padded = np.pad(x, ((0, 0), (before, after), (before, after)))
        windows = np.lib.stride_tricks.sliding_window_view(padded, (width, width), axis=(1, 2))
        windows = windows[:, ::stride, ::stride]
        if depthwise:
            out = np.einsum("cijyx,cyx->cij", windows, kernel[:, 0])
        else:
            out = np.einsum("cijyx,ocyx->oij", windows, kernel)
        gain, offset, mean, variance = (
            t[f"{norm}.{part}"][:, None, None] for part in ("weight", "bias", "running_mean", "running_var")
        )
        out = (out - mean) / np.sqrt(variance + 1e-3) * gain + offset
        activated: Array = np.clip(out, 0, 6) if relu else out
        return activated

    x = convolve((pixels.transpose(2, 0, 1) - 127.0) / 128, "_conv_stem", "_bn0", stride=2)
    for index, stride in enumerate([1, 2, 1]):
        prefix, entered = f"_blocks.{index}.", x
        if index > 0:
            x = convolve(x, f"{prefix}_expand_conv", f"{prefix}_bn0")
        x = convolve(x, f"{prefix}_depthwise_conv", f"{prefix}_bn1", stride, depthwise=True)
        x = convolve(x, f"{prefix}_project_conv", f"{prefix}_bn2", relu=False)
        if index == 2:
            x = x + entered
    features = convolve(x, "_conv_head", "_bn1").mean(axis=(1, 2))
    unit: Array = features / np.linalg.norm(features)
    return unit


def test_the_exported_network_computes_what_the_published_one_does(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (2, SIZE, SIZE, 3), dtype=np.uint8)
    efficientnet.export(random_tensors(), tmp_path, size=SIZE, stages=STAGES)

    session = onnxruntime.InferenceSession(tmp_path / "model-1.onnx")
    [embeddings] = session.run(None, {"pixels": pixels})

    expected = np.stack([plain_network(random_tensors(), image) for image in pixels])
    np.testing.assert_allclose(embeddings, expected, atol=2e-6)


@pytest.mark.parametrize(
    ("side", "kernel", "stride", "padding"),
    [(224, 3, 2, (0, 1)), (15, 3, 2, (1, 1)), (112, 3, 1, (1, 1)), (56, 5, 2, (1, 2)), (7, 1, 1, (0, 0))],
)
def test_padding_is_that_of_tensorflow(side: int, kernel: int, stride: int, padding: tuple[int, int]) -> None:
    assert same_padding(side, kernel, stride) == padding


def test_lite0_has_sixteen_blocks_and_ends_seven_wide() -> None:
    side = 224 // 2
    for stage in LITE0:
        side //= stage.stride
    assert (sum(stage.blocks for stage in LITE0), side) == (16, 7)
