"""The image tower of CLIP (a vision transformer), laid out for a CPU.

Against the published layout: the normalisation of the pixels is folded into the patch matrix, a head's
1/sqrt(width) into the queries; queries, keys and values are one product; the last block is computed for the
class token only, the one token that is read.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from scripts.weights.graph import Graph

Array = npt.NDArray[Any]

MEAN = np.array([0.48145466, 0.4578275, 0.40821073])
DEVIATION = np.array([0.26862954, 0.26130258, 0.27577711])
"""Of the training pictures, per channel, values 0 to 1; from the model's preprocessor_config.json."""
HEAD_WIDTH = 64
LAYER_NORM_EPSILON = 1e-5


def export(tensors: Mapping[str, Array], folder: Path) -> None:
    """Write the tower as ONNX in two halves: uint8 pixels in, unit vectors of the projected class token out.

    ``tensors`` has the names of transformers' CLIPModel; its text tower is left alone.
    """
    tower = _Tower(tensors)
    layers = 0
    while f"{_layer(layers)}layer_norm1.weight" in tensors:
        layers += 1
    x = tower.embed_patches()
    for index in range(layers):
        if index == layers // 2:
            x = tower.cut(x)
        x = tower.block(x, _layer(index), class_token_only=index == layers - 1)
    x = tower.graph.add("Reshape", x, np.array([-1, tower.width]))
    x = tower.layer_norm(x, "vision_model.post_layernorm")
    projection = tensors["visual_projection.weight"]
    features = tower.graph.add("MatMul", x, projection.T)
    tower.graph.save(folder, features, len(projection), external_data=True)


def _layer(index: int) -> str:
    return f"vision_model.encoder.layers.{index}."


class _Tower:
    def __init__(self, tensors: Mapping[str, Array]) -> None:
        self._tensors = tensors
        self._patches = tensors["vision_model.embeddings.patch_embedding.weight"].astype(np.float64)
        self._positions = tensors["vision_model.embeddings.position_embedding.weight"].astype(np.float64)
        self.width, _, self._patch, _ = self._patches.shape
        self._side = round((len(self._positions) - 1) ** 0.5)
        self.graph = Graph(self._side * self._patch)

    def embed_patches(self) -> str:
        """Cut the picture into patches, project each, put the class token before them, add the positions."""
        add, side, patch = self.graph.add, self._side, self._patch
        x = add("Reshape", self.graph.float_pixels(), np.array([-1, side, patch, side, patch, 3]))
        x = add("Transpose", x, perm=[0, 1, 3, 2, 4, 5])
        x = add("Reshape", x, np.array([-1, side * side, patch * patch * 3]))
        matrix = self._patches / (255 * DEVIATION)[:, None, None]
        x = add("MatMul", x, matrix.transpose(2, 3, 1, 0).reshape(-1, self.width))
        # A row of zeros becomes the class token when the positions are added: no shape arithmetic needed.
        x = add("Pad", x, np.array([0, 1, 0, 0, 0, 0]))
        x = add("Add", x, self._initial_values())
        return self.layer_norm(x, "vision_model.pre_layrnorm")

    def block(self, x: str, prefix: str, *, class_token_only: bool) -> str:
        """Attention, then the two-layer perceptron, each added to its input."""
        add = self.graph.add
        normal = self.layer_norm(x, f"{prefix}layer_norm1")
        if class_token_only:
            x = self._class_token(x)
            queries = self._linear(self._class_token(normal), *self._stacked(prefix, "q"))
            keys, values = self._split(self._linear(normal, *self._stacked(prefix, "kv")), 2)
        else:
            queries, keys, values = self._split(self._linear(normal, *self._stacked(prefix, "qkv")), 3)
        mixed = self._attend(queries, keys, values)
        x = add("Add", x, self._project(mixed, f"{prefix}self_attn.out_proj"))
        hidden = self._project(self.layer_norm(x, f"{prefix}layer_norm2"), f"{prefix}mlp.fc1")
        hidden = add("Mul", hidden, add("Sigmoid", add("Mul", hidden, np.array(1.702))))
        return add("Add", x, self._project(hidden, f"{prefix}mlp.fc2"))

    def cut(self, x: str) -> str:
        """End a part of the model with the tokens so far."""
        return self.graph.cut(x, len(self._positions), self.width)

    def layer_norm(self, x: str, name: str) -> str:
        gain, offset = self._tensors[f"{name}.weight"], self._tensors[f"{name}.bias"]
        return self.graph.add("LayerNormalization", x, gain, offset, axis=-1, epsilon=LAYER_NORM_EPSILON)

    def _initial_values(self) -> Array:
        values = self._positions.copy()
        values[0] += self._tensors["vision_model.embeddings.class_embedding"]
        values[1:] -= np.einsum("ochw,c->o", self._patches, MEAN / DEVIATION)
        return values

    def _attend(self, queries: str, keys: str, values: str) -> str:
        add = self.graph.add
        q, v = self._heads(queries, [0, 2, 1, 3]), self._heads(values, [0, 2, 1, 3])
        scores = add("MatMul", q, self._heads(keys, [0, 2, 3, 1]))
        mixed = add("MatMul", add("Softmax", scores, axis=-1), v)
        joined = add("Transpose", mixed, perm=[0, 2, 1, 3])
        return add("Reshape", joined, np.array([0, 0, self.width]))

    def _heads(self, x: str, order: list[int]) -> str:
        split = self.graph.add("Reshape", x, np.array([0, 0, self.width // HEAD_WIDTH, HEAD_WIDTH]))
        return self.graph.add("Transpose", split, perm=order)

    def _split(self, x: str, parts: int) -> list[str]:
        bounds = [np.array([part * self.width]) for part in range(parts + 1)]
        return [self.graph.add("Slice", x, start, end, np.array([2])) for start, end in pairwise(bounds)]

    def _class_token(self, x: str) -> str:
        return self.graph.add("Slice", x, np.array([0]), np.array([1]), np.array([1]))

    def _stacked(self, prefix: str, parts: str) -> tuple[Array, Array]:
        """Return weights and bias of several projections side by side, the queries scaled."""
        weights, biases = [], []
        for part in parts:
            scale = HEAD_WIDTH**-0.5 if part == "q" else 1.0
            weights.append(self._tensors[f"{prefix}self_attn.{part}_proj.weight"].T * scale)
            biases.append(self._tensors[f"{prefix}self_attn.{part}_proj.bias"] * scale)
        return np.concatenate(weights, axis=1), np.concatenate(biases)

    def _project(self, x: str, name: str) -> str:
        return self._linear(x, self._tensors[f"{name}.weight"].T, self._tensors[f"{name}.bias"])

    def _linear(self, x: str, weights: Array, bias: Array) -> str:
        return self.graph.add("Add", self.graph.add("MatMul", x, weights), bias)
