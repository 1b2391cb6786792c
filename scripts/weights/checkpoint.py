"""Reads the tensors of a PyTorch checkpoint without PyTorch, and runs nothing that a pickle asks for."""

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]

MAGIC_NUMBER = 0x1950A86A20F9469CFC6C
"""First pickle of the format that torch.save wrote before version 1.6."""


class BadCheckpoint(Exception):
    """The file is not a plain dictionary of tensors."""


class _Storage(NamedTuple):
    key: str
    dtype: np.dtype[Any]


class _Tensor(NamedTuple):
    storage: _Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]


def read_checkpoint(path: Path) -> dict[str, Array]:
    """Return the tensors of a ``state_dict`` saved by torch.save, in the zip format or the one before it.

    Raises:
        BadCheckpoint: it holds anything but tensors of known types.
    """
    try:
        if zipfile.is_zipfile(path):
            return _read_zip(path)
        return _read_legacy(path)
    except (pickle.UnpicklingError, EOFError, KeyError, ValueError, TypeError, AttributeError) as error:
        raise BadCheckpoint(f"{path.name}: {error}") from error


def _read_zip(path: Path) -> dict[str, Array]:
    with zipfile.ZipFile(path) as archive:
        [index] = [name for name in archive.namelist() if name.endswith("/data.pkl")]
        folder = index.removesuffix("data.pkl") + "data/"
        with archive.open(index) as file:
            tensors = _Unpickler(file).load()
        return _resolve(tensors, lambda key: archive.read(folder + key))


def _read_legacy(path: Path) -> dict[str, Array]:
    with path.open("rb") as file:
        if _Unpickler(file).load() != MAGIC_NUMBER:
            raise ValueError("not a checkpoint")
        _protocol_version, _system = _Unpickler(file).load(), _Unpickler(file).load()
        tensors = _Unpickler(file).load()
        keys = _Unpickler(file).load()
        item_sizes = {tensor.storage.key: tensor.storage.dtype.itemsize for tensor in tensors.values()}
        content = {}
        for key in keys:
            count = int.from_bytes(file.read(8), "little")
            content[key] = file.read(count * item_sizes[key])
    return _resolve(tensors, content.__getitem__)


def _resolve(tensors: Mapping[str, _Tensor], content_of: Callable[[str], bytes]) -> dict[str, Array]:
    return {name: _array(tensor, content_of(tensor.storage.key)) for name, tensor in tensors.items()}


def _array(tensor: _Tensor, content: bytes) -> Array:
    flat = np.frombuffer(content, tensor.storage.dtype)[tensor.offset :]
    reach = sum((size - 1) * stride for size, stride in zip(tensor.shape, tensor.strides, strict=True))
    if min((tensor.offset, *tensor.strides, *tensor.shape)) < 0 or reach >= len(flat):
        raise ValueError("a tensor reaches outside its storage")
    strides = [stride * flat.itemsize for stride in tensor.strides]
    return np.ascontiguousarray(np.lib.stride_tricks.as_strided(flat, tensor.shape, strides))


def _rebuild_tensor(
    storage: _Storage, offset: int, shape: tuple[int, ...], strides: tuple[int, ...], *_unused: object
) -> _Tensor:
    return _Tensor(storage, offset, shape, strides)


class _Unpickler(pickle.Unpickler):
    """Knows only the names a dictionary of tensors needs; a pickle that asks for another is refused."""

    _KNOWN: ClassVar[dict[tuple[str, str], Any]] = {
        ("collections", "OrderedDict"): OrderedDict,
        ("torch._utils", "_rebuild_tensor_v2"): _rebuild_tensor,
        ("torch", "FloatStorage"): np.dtype("<f4"),
        ("torch", "HalfStorage"): np.dtype("<f2"),
        ("torch", "LongStorage"): np.dtype("<i8"),
    }

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file, encoding="utf-8")

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._KNOWN:
            raise pickle.UnpicklingError(f"the pickle asks for {module}.{name}")
        return self._KNOWN[module, name]

    def persistent_load(self, pid: Any) -> _Storage:
        _kind, dtype, key, *_device_and_count = pid
        return _Storage(str(key), dtype)
