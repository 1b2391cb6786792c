"""Writes dictionaries of arrays the way torch.save does, without PyTorch."""

import io
import pickle
import sys
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C


class FloatStorage: ...


class LongStorage: ...


def _rebuild_tensor_v2(*arguments: object) -> None: ...


TYPES = {np.dtype(np.float32): FloatStorage, np.dtype(np.int64): LongStorage}


class _Storage(NamedTuple):
    key: str
    array: Array


class _Tensor:
    def __init__(self, key: str, array: Array) -> None:
        self.storage = _Storage(key, array)


class _Pickler(pickle.Pickler):
    def persistent_id(self, obj: Any) -> Any:
        if isinstance(obj, _Storage):
            return ("storage", TYPES[obj.array.dtype], obj.key, "cpu", obj.array.size, None)
        return None

    def reducer_override(self, obj: Any) -> Any:
        if isinstance(obj, _Tensor):
            array = obj.storage.array
            strides = tuple(stride // array.itemsize for stride in array.strides)
            return _rebuild_tensor_v2, (obj.storage, 0, array.shape, strides, False, OrderedDict())
        return NotImplemented


def save_zip(tensors: Mapping[str, Array], path: Path) -> None:
    """Write the format of PyTorch 1.6 and later."""
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("archive/data.pkl", _pickled(_named(tensors)))
        for key, array in enumerate(tensors.values()):
            archive.writestr(f"archive/data/{key}", _content(array))


def save_legacy(tensors: Mapping[str, Array], path: Path) -> None:
    """Write the format before it: five pickles, then each storage after its length."""
    keys = [str(key) for key in range(len(tensors))]
    with path.open("wb") as file:
        for part in (MAGIC_NUMBER, 1001, {"little_endian": True}, _named(tensors), keys):
            file.write(_pickled(part))
        for array in tensors.values():
            file.write(array.size.to_bytes(8, "little") + _content(array))


def _named(tensors: Mapping[str, Array]) -> "OrderedDict[str, _Tensor]":
    return OrderedDict((name, _Tensor(str(key), array)) for key, (name, array) in enumerate(tensors.items()))


def _content(array: Array) -> bytes:
    """Return the elements in the order they lie in memory."""
    return array.tobytes(order="A")


def _pickled(value: Any) -> bytes:
    torch, utils = ModuleType("torch"), ModuleType("torch._utils")
    for storage in (FloatStorage, LongStorage):
        storage.__module__ = "torch"
        setattr(torch, storage.__name__, storage)
    _rebuild_tensor_v2.__module__ = "torch._utils"
    setattr(utils, _rebuild_tensor_v2.__name__, _rebuild_tensor_v2)
    file = io.BytesIO()
    with patch.dict(sys.modules, {"torch": torch, "torch._utils": utils}):
        _Pickler(file, protocol=2).dump(value)
    return file.getvalue()
