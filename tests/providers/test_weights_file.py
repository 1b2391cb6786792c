import json
from pathlib import Path
from typing import Any

import pytest

from character_identity.domain.errors import ProviderRejected
from character_identity.providers.weights_file import check_weights

NAME = "transformer.single_transformer_blocks.0.attn.to_q.lora_A.weight"


def a_tensor(**changes: Any) -> dict[str, Any]:
    return {"dtype": "BF16", "shape": [2, 3], "data_offsets": [0, 12], **changes}


def a_file(path: Path, tensors: Any, data: bytes = b"\0" * 12) -> Path:
    header = json.dumps(tensors).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    return path


def test_a_lora_passes(tmp_path: Path) -> None:
    check_weights(a_file(tmp_path / "w", {NAME: a_tensor(), "__metadata__": {"format": "pt"}}))


@pytest.mark.parametrize(
    ("tensors", "data"),
    [
        ({NAME: a_tensor()}, b"\0" * 11),
        ({NAME: a_tensor()}, b"\0" * 13),
        ({NAME: a_tensor(data_offsets=[0, 11])}, b"\0" * 11),
        ({NAME: a_tensor(data_offsets=[-2, 10])}, b"\0" * 12),
        ({NAME: a_tensor(dtype="F99")}, b"\0" * 12),
        ({NAME: {}}, b"\0" * 12),
        ({"encoder.weight": a_tensor()}, b"\0" * 12),
        ({}, b""),
        ([], b""),
    ],
)
def test_anything_else_is_refused(tmp_path: Path, tensors: Any, data: bytes) -> None:
    with pytest.raises(ProviderRejected):
        check_weights(a_file(tmp_path / "w", tensors, data))


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"<html>no such file</html>", b"\xff" * 64])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(ProviderRejected):
        check_weights(tmp_path / "w")
