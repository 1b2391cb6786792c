"""Checks that a file is a LoRA in the safetensors format, by its header, without loading it.

The format: https://github.com/huggingface/safetensors, read 2026-11-22.
"""

import math
from pathlib import Path
from typing import Any

from character_identity.domain import strict_json
from character_identity.domain.errors import ProviderRejected

MAX_HEADER_BYTES = 10 * 1024 * 1024
MAX_TENSORS = 10_000
"""A LoRA of all of Flux.1's layers has about a thousand."""
MAX_DIMENSIONS = 8
FLOATS = {"F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1}
BYTES_OF = FLOATS | {"I64": 8, "I32": 4, "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1}
PAIRS = (("lora_A", "lora_B"), ("lora_down", "lora_up"))
"""Words in the names of the two factors of a layer, as diffusers and as kohya write them.

The first has shape (rank, inputs, ...), the second (outputs, rank, ...).
"""

Header = dict[str, Any]


class _Broken(Exception):
    """The reason why a file is not usable."""


def check_weights(path: Path) -> None:
    """Accept a safetensors file whose tensors fill it exactly and that holds whole LoRA pairs.

    Raises:
        ProviderRejected: it is something else, or cut short.
    """
    try:
        header, data_bytes = _header_of(path)
        _check_layout(header, data_bytes)
        _check_pairs(header)
    except _Broken as exc:
        raise ProviderRejected("weights", f"the file is not usable: {exc}") from exc


def _header_of(path: Path) -> tuple[Header, int]:
    """The description of each tensor by name, and how many bytes follow."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
            raise _Broken("it has no safetensors header")
        text = file.read(length)
    try:
        header = strict_json.read(text.decode("utf-8"))
    except ValueError as exc:
        raise _Broken("its header cannot be read") from exc
    if not isinstance(header, dict) or not text.startswith(b"{"):  # blanks may follow, not come first
        raise _Broken("its header cannot be read")
    told = header.pop("__metadata__", {})
    if not isinstance(told, dict) or not all(isinstance(value, str) for value in told.values()):
        raise _Broken("its metadata are no texts by name")
    if not 1 <= len(header) <= MAX_TENSORS:
        raise _Broken(f"it has {len(header)} tensors")
    return header, size - 8 - length


def _check_layout(header: Header, data_bytes: int) -> None:
    """The tensors lie one behind the other, without a gap, from the first byte to the last."""
    end = 0
    for first, behind in sorted(_place_of(tensor) for tensor in header.values()):
        if first != end:
            raise _Broken("its tensors overlap or leave a gap")
        end = behind
    if end != data_bytes:
        raise _Broken("it is cut short" if end > data_bytes else "it is longer than its tensors")


def _place_of(tensor: Any) -> tuple[int, int]:
    """The first byte of a tensor and the first behind it."""
    match tensor:
        case {"dtype": str(dtype), "shape": list(shape), "data_offsets": [first, behind]} if (
            dtype in BYTES_OF
            and len(shape) <= MAX_DIMENSIONS
            and all(_is_count(number) for number in (*shape, first, behind))
            and behind - first == BYTES_OF[dtype] * math.prod(shape)
        ):
            return first, behind
    raise _Broken("a tensor does not fill its place")


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**63


def _check_pairs(header: Header) -> None:
    """At least one layer is adapted, and each by two matrices that can be multiplied."""
    pairs = 0
    for first_word, second_word in PAIRS:
        firsts, seconds = (
            {name.replace(word, "*"): header[name] for name in header if word in name and not _is_bias(name)}
            for word in (first_word, second_word)
        )
        if firsts.keys() != seconds.keys():
            raise _Broken("a layer has only one half of its LoRA")
        for layer, first in firsts.items():
            if not _multiply(first, seconds[layer]):
                raise _Broken("the halves of a layer's LoRA do not fit")
        pairs += len(firsts)
    if not pairs:
        raise _Broken("it holds no LoRA")


def _is_bias(name: str) -> bool:
    """Tell a factor from a bias beside it, which PEFT's option ``lora_bias`` adds."""
    return name.endswith(".bias")


def _multiply(first: Any, second: Any) -> bool:
    """Return True if two tensors are the factors of a layer of some rank."""
    shapes = first["shape"], second["shape"]
    matrices = all(len(shape) >= 2 and 0 not in shape for shape in shapes)
    return matrices and {first["dtype"], second["dtype"]} <= FLOATS.keys() and shapes[0][0] == shapes[1][1]
