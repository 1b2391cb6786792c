from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pytest

from scripts.weights import clip
from tests.scripts.weights.tiny_tower import LAYERS, PATCH, SIDE, SIZE, WIDTH, tiny_tower

Array = npt.NDArray[Any]


def plain_tower(tensors: dict[str, Array], pixels: Array) -> Array:
    """The published arithmetic, nothing folded or fused, in double precision."""
    t = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}

    def norm(x: Array, name: str) -> Array:
        centred = x - x.mean(-1, keepdims=True)
        deviation = np.sqrt(x.var(-1, keepdims=True) + 1e-5)
        scaled: Array = centred / deviation * t[f"{name}.weight"]
        return scaled + t[f"{name}.bias"]

    def linear(x: Array, name: str) -> Array:
        return x @ t[f"{name}.weight"].T + t[f"{name}.bias"]

    def heads(x: Array) -> Array:
        return x.reshape(len(x), -1, WIDTH // 64, 64).transpose(0, 2, 1, 3)

    mean, deviation = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]
    normal = (pixels / 255 - mean) / deviation
    patches = [
        np.einsum(
            "byxc,ocyx->bo",
            normal[:, row * PATCH : (row + 1) * PATCH, column * PATCH : (column + 1) * PATCH],
            t["vision_model.embeddings.patch_embedding.weight"],
        )
        for row in range(SIDE)
        for column in range(SIDE)
    ]
    class_token = np.broadcast_to(t["vision_model.embeddings.class_embedding"], (len(pixels), WIDTH))
    x = np.stack([class_token, *patches], axis=1) + t["vision_model.embeddings.position_embedding.weight"]
    x = norm(x, "vision_model.pre_layrnorm")
    for layer in range(LAYERS):
        prefix = f"vision_model.encoder.layers.{layer}"
        normal = norm(x, f"{prefix}.layer_norm1")
        q, k, v = (heads(linear(normal, f"{prefix}.self_attn.{part}_proj")) for part in "qkv")
        weights = np.exp(q @ k.transpose(0, 1, 3, 2) / 8)
        mixed = weights / weights.sum(-1, keepdims=True) @ v
        joined = mixed.transpose(0, 2, 1, 3).reshape(x.shape)
        x = x + linear(joined, f"{prefix}.self_attn.out_proj")
        hidden = linear(norm(x, f"{prefix}.layer_norm2"), f"{prefix}.mlp.fc1")
        x = x + linear(hidden / (1 + np.exp(-1.702 * hidden)), f"{prefix}.mlp.fc2")
    features = norm(x[:, 0], "vision_model.post_layernorm") @ t["visual_projection.weight"].T
    unit: Array = features / np.linalg.norm(features, axis=1, keepdims=True)
    return unit


Halves = tuple[onnxruntime.InferenceSession, onnxruntime.InferenceSession]


@pytest.fixture
def halves(tmp_path: Path) -> Halves:
    clip.export(tiny_tower(), tmp_path)
    one, other = (onnxruntime.InferenceSession(tmp_path / f"model-{part}.onnx") for part in (1, 2))
    return one, other


def embed(halves: Halves, x: Array) -> Array:
    for half in halves:
        [given] = half.get_inputs()
        [x] = half.run(None, {given.name: x})
    return x


def test_the_exported_tower_computes_what_the_published_one_does(halves: Halves) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (3, SIZE, SIZE, 3), dtype=np.uint8)

    embeddings = embed(halves, pixels)

    np.testing.assert_allclose(embeddings, plain_tower(tiny_tower(), pixels), atol=2e-6)


def test_an_embedding_does_not_depend_on_the_batch(halves: Halves) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (4, SIZE, SIZE, 3), dtype=np.uint8)

    together, alone = embed(halves, pixels), embed(halves, pixels[:1])

    np.testing.assert_allclose(together[:1], alone, atol=1e-6)


def test_each_half_has_its_weights_in_a_file_of_its_own(tmp_path: Path) -> None:
    clip.export(tiny_tower(), tmp_path)

    files = {file.name: file.stat().st_size for file in tmp_path.iterdir()}
    assert files.keys() == {"model-1.onnx", "model-1.data", "model-2.onnx", "model-2.data"}
    assert max(files["model-1.data"], files["model-2.data"]) < 0.6 * sum(files.values())
