import pickle
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from scripts.weights.checkpoint import BadCheckpoint, read_checkpoint
from tests.scripts.weights.torch_format import save_legacy, save_zip

Save = Callable[[Mapping[str, npt.NDArray[Any]], Path], None]


@pytest.mark.parametrize("save", [save_zip, save_legacy])
def test_tensors_come_back_as_they_were_saved(save: Save, tmp_path: Path) -> None:
    saved: dict[str, npt.NDArray[Any]] = {
        "weight": np.arange(6, dtype=np.float32).reshape(2, 3),
        "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
        "count": np.array(7, dtype=np.int64),
    }
    save(saved, tmp_path / "checkpoint")

    read = read_checkpoint(tmp_path / "checkpoint")

    assert list(read) == list(saved)
    for name, array in saved.items():
        assert read[name].dtype == array.dtype
        np.testing.assert_array_equal(read[name], array)


def test_a_pickle_that_asks_for_anything_else_is_refused_and_not_run(tmp_path: Path) -> None:
    class Attack:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (tmp_path / "run",)

    with zipfile.ZipFile(tmp_path / "checkpoint", "w") as archive:
        archive.writestr("archive/data.pkl", pickle.dumps({"weight": Attack()}))

    with pytest.raises(BadCheckpoint, match=r"asks for pathlib\S*\.Path"):
        read_checkpoint(tmp_path / "checkpoint")
    assert not (tmp_path / "run").exists()


def test_a_tensor_larger_than_its_storage_is_refused(tmp_path: Path) -> None:
    save_legacy({"weight": np.zeros(100, np.float32)}, tmp_path / "checkpoint")
    content = (tmp_path / "checkpoint").read_bytes()
    (tmp_path / "checkpoint").write_bytes(content[:-4])

    with pytest.raises(BadCheckpoint, match="outside its storage"):
        read_checkpoint(tmp_path / "checkpoint")


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", pickle.dumps(3)])
def test_another_file_is_refused(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "checkpoint").write_bytes(content)

    with pytest.raises(BadCheckpoint):
        read_checkpoint(tmp_path / "checkpoint")
