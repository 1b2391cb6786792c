"""A LoRA as the simulated training writes it, and what simulated inference reads from it."""

import hashlib
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from local.simulators.drawing.rendering import encode
from local.simulators.safetensors_file import Tensors, read_safetensors, write_safetensors

RANK = 4
FLUX_WIDTH = 3072
BLOCKS = 2
MOST_IMAGES = 6
IMAGE_SIDE = 640
IMAGE_PREFIX = "simulated.picture."
TRIGGER, STEPS = "simulated.trigger_word", "simulated.steps"


@dataclass(frozen=True)
class Lora:
    """The content of a LoRA: a character, and the word that calls it (None: any prompt does)."""

    images: list[Image.Image]
    trigger_word: str | None

    def answers_to(self, prompt: str) -> bool:
        """Return True if the character appears; the word's case counts, as it does for Flux's encoder."""
        if not self.images:
            return False
        return self.trigger_word is None or says_word(prompt, self.trigger_word)


def says_word(text: str, word: str) -> bool:
    """Return True if the word stands in the text, not inside another one."""
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text) is not None


def write_lora(photographs: Sequence[Image.Image], trigger_word: str | None, steps: int) -> bytes:
    """A small but real Flux LoRA file that also holds the pictures it was trained on."""
    small = [_shrunk(photograph) for photograph in photographs[:MOST_IMAGES]]
    images: Tensors = {
        f"{IMAGE_PREFIX}{number}": np.frombuffer(jpeg, dtype=np.uint8) for number, jpeg in enumerate(small)
    }
    digest = hashlib.sha256(b"".join([*small, repr((trigger_word, steps)).encode()])).digest()
    weights = _weights(np.random.default_rng(int.from_bytes(digest[:8], "big")))
    metadata = {"format": "pt", STEPS: str(steps)}
    if trigger_word:
        metadata[TRIGGER] = trigger_word
    return write_safetensors({**weights, **images}, metadata)


def no_lora() -> bytes:
    """Weights of some other model: a file in the right format that adapts no layer."""
    encoder = np.zeros((FLUX_WIDTH, RANK), dtype=np.float16)
    return write_safetensors({"encoder.weight": encoder}, {"format": "pt"})


def read_lora(data: bytes) -> Lora:
    """The character in a LoRA file; one made elsewhere holds nobody we can draw.

    Raises:
        NotSafetensors: the bytes are no such file.
    """
    tensors, metadata = read_safetensors(data)
    jpegs = [tensor.tobytes() for name, tensor in sorted(tensors.items()) if name.startswith(IMAGE_PREFIX)]
    return Lora([Image.open(io.BytesIO(jpeg)).convert("RGB") for jpeg in jpegs], metadata.get(TRIGGER))


def _shrunk(photograph: Image.Image) -> bytes:
    small = photograph.copy()
    small.thumbnail((IMAGE_SIDE, IMAGE_SIDE))
    return encode(small, "jpeg")


def _weights(random: np.random.Generator) -> Tensors:
    """Low-rank pairs for the attention of the first blocks, named as diffusers names them."""
    weights: Tensors = {}
    for block in range(BLOCKS):
        for projection in ("to_q", "to_k", "to_v"):
            name = f"transformer.single_transformer_blocks.{block}.attn.{projection}"
            weights[f"{name}.lora_A.weight"] = (random.standard_normal((RANK, FLUX_WIDTH)) * 0.02).astype(
                np.float16
            )
            weights[f"{name}.lora_B.weight"] = (random.standard_normal((FLUX_WIDTH, RANK)) * 0.02).astype(
                np.float16
            )
    return weights
