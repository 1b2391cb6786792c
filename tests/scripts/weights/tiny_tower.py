"""A CLIP image tower of two layers with random weights: no meaning, the full arithmetic."""

from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from scripts.weights.encoders import CLIP_VIT_B32, ImageEncoder
from tests.scripts.weights.torch_format import save_zip

Array = npt.NDArray[Any]

WIDTH, PATCH, SIDE, LAYERS, DIMENSIONS = 128, 4, 3, 2, 16
SIZE = PATCH * SIDE


def tiny_tower() -> dict[str, Array]:
    """Return its tensors under the names of transformers' CLIPModel."""
    random = np.random.default_rng(0)
    tensors: dict[str, Array] = {}

    def add(name: str, *shape: int) -> None:
        tensors[name] = random.normal(scale=0.2, size=shape).astype(np.float32)

    def add_layer(name: str, outputs: int, inputs: int) -> None:
        add(f"{name}.weight", outputs, inputs)
        add(f"{name}.bias", outputs)

    def add_norm(name: str) -> None:
        add(f"{name}.weight", WIDTH)
        add(f"{name}.bias", WIDTH)
        tensors[f"{name}.weight"] += 1

    add("vision_model.embeddings.class_embedding", WIDTH)
    add("vision_model.embeddings.patch_embedding.weight", WIDTH, 3, PATCH, PATCH)
    add("vision_model.embeddings.position_embedding.weight", SIDE * SIDE + 1, WIDTH)
    add_norm("vision_model.pre_layrnorm")
    for layer in range(LAYERS):
        prefix = f"vision_model.encoder.layers.{layer}"
        for projection in ("q_proj", "k_proj", "v_proj", "out_proj"):
            add_layer(f"{prefix}.self_attn.{projection}", WIDTH, WIDTH)
        add_layer(f"{prefix}.mlp.fc1", 4 * WIDTH, WIDTH)
        add_layer(f"{prefix}.mlp.fc2", WIDTH, 4 * WIDTH)
        add_norm(f"{prefix}.layer_norm1")
        add_norm(f"{prefix}.layer_norm2")
    add_norm("vision_model.post_layernorm")
    add("visual_projection.weight", DIMENSIONS, WIDTH)
    return tensors


@dataclass(frozen=True)
class LocalFile:
    """A published file that lies on this disk; it is gone once the path is."""

    path: Path
    sha256: str
    name: str = "this disk"
    file_name: str = "weights.bin"

    def copy_to(self, file: IO[bytes]) -> None:
        file.write(self.path.read_bytes())


def published_tower(folder: Path) -> LocalFile:
    """Publish the tower's checkpoint in a folder."""
    path = folder / "published.bin"
    save_zip(tiny_tower(), path)
    return LocalFile(path, sha256(path.read_bytes()).hexdigest())


def tiny_encoder(source: LocalFile) -> ImageEncoder:
    """Return the encoder that is exported from the published tower."""
    return replace(
        CLIP_VIT_B32, name="tiny", source=source, dimensions=DIMENSIONS, resize_to=SIZE, input_size=SIZE
    )
