"""Checks that a file is a LoRA in the safetensors format, by its header, without loading it."""

import json
import math
from pathlib import Path
from typing import Any

from character_identity.domain.errors import ProviderRejected

MAX_HEADER_BYTES = 10 * 1024 * 1024
BYTES_OF = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "I64": 8, "I32": 4, "I16": 2}
BYTES_OF |= {"I8": 1, "U8": 1, "BOOL": 1}
LORA_MARKS = ("lora_A", "lora_B", "lora_down", "lora_up")


def check_weights(path: Path) -> None:
    """Accept a safetensors file whose tensors fill it exactly and whose names are those of an adapter.

    The format: https://github.com/huggingface/safetensors, read 2026-11-22.

    Raises:
        ProviderRejected: it is something else, or cut short.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
            raise _broken("it has no safetensors header")
        try:
            header: dict[str, Any] = json.loads(file.read(length))
            header.pop("__metadata__", None)
            end = max(_end_of(tensor) for tensor in header.values())
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise _broken("its header cannot be read") from exc
    if 8 + length + end != size:
        raise _broken("it is cut short")
    if not any(mark in name for name in header for mark in LORA_MARKS):
        raise _broken("it holds no LoRA")


def _end_of(tensor: dict[str, Any]) -> int:
    start, end = tensor["data_offsets"]
    if start < 0 or end - start != BYTES_OF[tensor["dtype"]] * math.prod(tensor["shape"]):
        raise ValueError("a tensor does not fill its place")
    return int(end)


def _broken(why: str) -> ProviderRejected:
    return ProviderRejected("weights", f"the file is not usable: {why}")
