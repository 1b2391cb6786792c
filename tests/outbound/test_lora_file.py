import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from character_identity.domain.errors import ProviderRejected
from character_identity.outbound import lora_file
from character_identity.outbound.lora_file import check_weights

LAYER = "transformer.single_transformer_blocks.0.attn.to_q"
DOWN, UP = f"{LAYER}.lora_A.weight", f"{LAYER}.lora_B.weight"
OTHER = "network.alpha"
DATA_BYTES = 32

Header = dict[str, Any]

bounded = settings(max_examples=300, derandomize=True, database=None, deadline=None)


def a_tensor(dtype: str, shape: list[int], first: int, behind: int) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, behind]}


def a_header(**more: Any) -> Header:
    """Two LoRA matrices of rank 2 for a layer of 3 inputs and 4 outputs, and another tensor behind them."""
    return {
        DOWN: a_tensor("BF16", [2, 3], 0, 12),
        UP: a_tensor("BF16", [4, 2], 12, 28),
        OTHER: a_tensor("F32", [], 28, 32),
        **more,
    }


def changed(name: str, **changes: Any) -> Header:
    return {**a_header(), name: {**a_header()[name], **changes}}


def only(*names: str) -> Header:
    """Some of the tensors, moved together."""
    header: Header = {}
    end = 0
    for name in names:
        first, behind = a_header()[name]["data_offsets"]
        header[name] = {**a_header()[name], "data_offsets": [end, end + behind - first]}
        end += behind - first
    return header


def renamed(down: str, up: str) -> Header:
    return {name.replace("lora_A", down).replace("lora_B", up): tensor for name, tensor in a_header().items()}


def with_bias(factor: str) -> Header:
    """The tensor beside the matrices is the bias of one of them."""
    bias = factor.removesuffix("weight") + "bias"
    return {bias if name == OTHER else name: tensor for name, tensor in a_header().items()}


def packed(header: Any, data: bytes) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


def a_file(folder: Path, content: bytes) -> Path:
    path = folder / "lora.safetensors"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "header",
    [
        a_header(),
        a_header(__metadata__={"format": "pt"}),
        renamed("lora_down", "lora_up"),
        renamed("lora_A.default", "lora_B.default"),
        dict(reversed(a_header().items())),
        with_bias(UP),
        with_bias(DOWN),
        with_bias(UP.replace("lora_B", "lora_B.default")),
    ],
    ids=["plain", "metadata", "kohya", "named adapter", "another order", "bias", "bias of A", "named bias"],
)
def test_a_lora_passes(tmp_path: Path, header: Header) -> None:
    check_weights(a_file(tmp_path, packed(header, bytes(DATA_BYTES))))


def test_a_lora_with_nothing_beside_it_passes(tmp_path: Path) -> None:
    check_weights(a_file(tmp_path, packed(only(UP, DOWN), bytes(28))))


@pytest.mark.parametrize(
    "header",
    [
        changed(DOWN, dtype="F99"),
        changed(DOWN, dtype=None),
        changed(DOWN, shape=[2, 2]),
        changed(DOWN, shape=[2, 3.0]),
        changed(DOWN, shape=[2, True, 3]),
        changed(DOWN, shape=[-2, -3]),
        changed(DOWN, shape=[2, 3] + [1] * 7),
        changed(DOWN, shape="23"),
        changed(DOWN, data_offsets=[-2, 10]),
        changed(DOWN, data_offsets=[0, 11]),
        changed(DOWN, data_offsets=[0]),
        changed(DOWN, data_offsets=[0, 12, 28]),
        changed(DOWN, data_offsets=["0", "12"]),
        changed(UP, data_offsets=[11, 27]),
        changed(UP, data_offsets=[0, 16]),
        changed(OTHER, data_offsets=[29, 33]),
        changed(OTHER, data_offsets=[2**63, 2**63 + 4]),
        a_header(more=7),
        a_header(more=None),
        a_header(more={}),
        only(UP, DOWN),
    ],
    ids=str,
)
def test_tensors_fill_the_file_one_behind_the_other(tmp_path: Path, header: Header) -> None:
    with pytest.raises(ProviderRejected):
        check_weights(a_file(tmp_path, packed(header, bytes(DATA_BYTES))))


@pytest.mark.parametrize(
    ("more", "data_bytes"),
    [
        (a_tensor("F32", [], 36, 40), 40),
        (a_tensor("F32", [], 0, 4), DATA_BYTES),
        (a_tensor("BF16", [4, 2], 12, 28), DATA_BYTES),
    ],
    ids=["a gap", "inside another", "twice the same place"],
)
def test_each_byte_belongs_to_one_tensor(tmp_path: Path, more: dict[str, Any], data_bytes: int) -> None:
    with pytest.raises(ProviderRejected, match="overlap or leave a gap"):
        check_weights(a_file(tmp_path, packed(a_header(more=more), bytes(data_bytes))))


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (a_header(**{DOWN.replace("to_q", "to_k"): a_tensor("F16", [0], 0, 0)}), "one half"),
        (a_header(**{UP.replace("to_q", "to_k"): a_tensor("F16", [0], 0, 0)}), "one half"),
        (renamed("lora_A", "lora_up"), "one half"),
        (renamed("encoder", "decoder"), "no LoRA"),
        (
            {**renamed("encoder", "decoder"), UP.replace("weight", "bias"): a_tensor("F16", [0], 0, 0)},
            "no LoRA",
        ),
        (changed(UP, shape=[8, 1]), "do not fit"),
        (changed(UP, shape=[2, 4]), "do not fit"),
        (changed(DOWN, shape=[3, 2]), "do not fit"),
        (changed(UP, shape=[8]), "do not fit"),
        (changed(UP, dtype="I16"), "do not fit"),
    ],
)
def test_every_layer_has_two_halves_that_can_be_multiplied(tmp_path: Path, header: Header, why: str) -> None:
    with pytest.raises(ProviderRejected, match=why):
        check_weights(a_file(tmp_path, packed(header, bytes(DATA_BYTES))))


def test_matrices_of_nothing_are_no_lora(tmp_path: Path) -> None:
    empty = {DOWN: a_tensor("F16", [0, 3], 0, 0), UP: a_tensor("F16", [4, 0], 0, 0)}
    with pytest.raises(ProviderRejected, match="do not fit"):
        check_weights(a_file(tmp_path, packed(empty, b"")))


@pytest.mark.parametrize("data_bytes", [0, DATA_BYTES - 1, DATA_BYTES + 1])
def test_a_file_has_just_the_bytes_of_its_tensors(tmp_path: Path, data_bytes: int) -> None:
    with pytest.raises(ProviderRejected):
        check_weights(a_file(tmp_path, packed(a_header(), bytes(data_bytes))))


def test_a_name_stands_once(tmp_path: Path) -> None:
    text = json.dumps(a_header())
    doubled = f"{text[:-1]}, {text[1:]}".encode()
    with pytest.raises(ProviderRejected, match="header"):
        check_weights(a_file(tmp_path, packed(doubled, bytes(DATA_BYTES))))


def test_tensors_and_header_are_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = a_file(tmp_path, packed(a_header(), bytes(DATA_BYTES)))
    monkeypatch.setattr(lora_file, "MAX_TENSORS", 2)
    with pytest.raises(ProviderRejected, match="3 tensors"):
        check_weights(path)
    monkeypatch.setattr(lora_file, "MAX_TENSORS", 3)
    check_weights(path)
    monkeypatch.setattr(lora_file, "MAX_HEADER_BYTES", len(json.dumps(a_header())) - 1)
    with pytest.raises(ProviderRejected, match="header"):
        check_weights(path)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"PK\x03\x04",
        b"<html>no such file</html>",
        b"\xff" * 64,
        packed(b"{}", b""),
        packed(b"[]", b""),
        packed(b"null", b""),
        packed(b'{"a": ', b""),
        packed(b"[" * 100_000, b""),
        packed(b"9" * 10_000, b""),
        packed(json.dumps(a_header()).encode("utf-16"), bytes(DATA_BYTES)),
    ],
    ids=lambda content: str(content[:20]),
)
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(ProviderRejected):
        check_weights(a_file(tmp_path, content))


def accepted(folder: Path, content: bytes) -> bool:
    """Return True if a file passes; anything but our own refusal fails the test."""
    try:
        check_weights(a_file(folder, content))
    except ProviderRejected:
        return False
    return True


def assert_sound(content: bytes) -> None:
    """Said again without looking at the code under test: each byte is one tensor's, each half has a half."""
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    header.pop("__metadata__", None)
    owners = [0] * (len(content) - 8 - length)
    for tensor in header.values():
        for place in range(*tensor["data_offsets"]):
            owners[place] += 1
    assert set(owners) == {1}
    halves = [name for name in header if "lora_" in name]
    assert halves
    for name in halves:
        for mine, other in (("lora_A", "lora_B"), ("lora_down", "lora_up")):
            assert mine not in name or name.replace(mine, other) in header
            assert other not in name or name.replace(other, mine) in header


GOOD = packed(a_header(), bytes(DATA_BYTES))


@bounded
@given(data=st.data())
def test_a_file_that_was_damaged_is_refused_or_still_sound(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(GOOD)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content)))
        gone = data.draw(st.integers(0, 4))
        content[place : place + gone] = data.draw(st.binary(max_size=4))
    if accepted(tmp_path_factory.getbasetemp(), bytes(content)):
        assert_sound(bytes(content))


OTHER_LAYERS = [name.replace("to_q", "to_k") for name in (DOWN, UP)]
SHAPES = st.sampled_from([[2, 3], [3, 2], [4, 2], [1, 6], [8, 1], [0, 3], [], [2, 3, 1], [True, 6], [2.0, 3]])
PLACES = st.integers(-1, 9).map(lambda quarter: quarter * 4) | st.sampled_from([2**31, 2**63, True, None])
CHANGES = st.one_of(
    st.fixed_dictionaries({"dtype": st.sampled_from(["BF16", "F16", "F32", "U8", "F4", None])}),
    st.fixed_dictionaries({"shape": SHAPES}),
    st.fixed_dictionaries({"data_offsets": st.lists(PLACES, min_size=2, max_size=2)}),
    st.none(),
)


@bounded
@given(
    changes=st.lists(st.tuples(st.sampled_from([DOWN, UP, OTHER, *OTHER_LAYERS]), CHANGES), max_size=3),
    data_bytes=st.sampled_from([DATA_BYTES, DATA_BYTES, 28, 0]),
)
def test_a_file_with_a_forged_header_is_refused_or_still_sound(
    tmp_path_factory: pytest.TempPathFactory,
    changes: list[tuple[str, dict[str, Any] | None]],
    data_bytes: int,
) -> None:
    forged = a_header()
    for name, change in changes:
        known = forged.pop(name, a_tensor("F16", [2, 0], 0, 0))
        if change is not None:
            forged[name] = {**known, **change}
    content = packed(forged, bytes(data_bytes))
    if accepted(tmp_path_factory.getbasetemp(), content):
        assert_sound(content)


@bounded
@given(cut=st.integers(0, len(GOOD) - 1))
def test_a_truncated_file_is_refused(tmp_path_factory: pytest.TempPathFactory, cut: int) -> None:
    assert not accepted(tmp_path_factory.getbasetemp(), GOOD[:cut])
