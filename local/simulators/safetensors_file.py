"""The safetensors file format: an 8-byte length, a JSON header, then the tensors' bytes."""

import json
import struct
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

# BF16 has no numpy type; its bits are kept as they are.
NUMPY_TYPES = {
    "F64": "<f8",
    "F32": "<f4",
    "F16": "<f2",
    "BF16": "<u2",
    "I64": "<i8",
    "I32": "<i4",
    "I16": "<i2",
    "I8": "i1",
    "U8": "u1",
    "BOOL": "?",
}
NAMES = {"f2": "F16", "f4": "F32", "u1": "U8"}
LONGEST_HEADER_BYTES = 100_000_000

Tensors = dict[str, NDArray[np.generic]]


class NotSafetensors(Exception):
    """The bytes break the safetensors format."""


def write_safetensors(tensors: Mapping[str, NDArray[np.generic]], metadata: Mapping[str, str]) -> bytes:
    """The file; float16, float32 and uint8 tensors only."""
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    offset = 0
    for name, tensor in tensors.items():
        kind = NAMES[tensor.dtype.str[1:]]
        header[name] = {
            "dtype": kind,
            "shape": list(tensor.shape),
            "data_offsets": [offset, offset + tensor.nbytes],
        }
        offset += tensor.nbytes
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + b"".join(tensor.tobytes() for tensor in tensors.values())


def read_safetensors(data: bytes) -> tuple[Tensors, dict[str, str]]:
    """The tensors by name, and the metadata.

    Raises:
        NotSafetensors: the header is not JSON, or does not describe exactly the bytes that follow.
    """
    try:
        (length,) = struct.unpack_from("<Q", data)
        if length > min(LONGEST_HEADER_BYTES, len(data) - 8):
            raise NotSafetensors("the header is longer than the file")
        header = json.loads(data[8 : 8 + length])
        metadata = dict(header.pop("__metadata__", {}))
        body = data[8 + length :]
        tensors = {name: _tensor(body, **entry) for name, entry in header.items()}
    except (struct.error, AttributeError, KeyError, TypeError, ValueError) as exc:
        raise NotSafetensors(str(exc)) from exc
    if sum(tensor.nbytes for tensor in tensors.values()) != len(body):
        raise NotSafetensors("the tensors do not fill the file")
    return tensors, metadata


def _tensor(body: bytes, dtype: str, shape: list[int], data_offsets: list[int]) -> NDArray[np.generic]:
    begin, end = data_offsets
    if not 0 <= begin <= end <= len(body):
        raise ValueError("a tensor lies outside the file")
    return np.frombuffer(body[begin:end], dtype=NUMPY_TYPES[dtype]).reshape(shape)
