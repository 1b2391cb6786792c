"""Weights files as hosts of providers answer them, whole, cut, forged and something else."""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx

from character_identity.domain.errors import InvalidRequest, ProviderError
from character_identity.outbound.lora_file import MAX_DIMENSIONS, MAX_HEADER_BYTES, MAX_TENSORS, check_weights
from character_identity.outbound.safe_http import SafeHttpClient
from tests.corpora.corpus import ACCEPTED, Corpus, Entry, Try
from tests.corpora.system import System
from tests.support.http import EVERYWHERE

REJECTED, TOO_LARGE = "provider_rejected", "file_too_large"
DATA_BYTES = 32
LIMIT_BYTES = 2 * MAX_HEADER_BYTES
LAYER = "transformer.single_transformer_blocks.0.attn.to_q"
DOWN, UP, OTHER = f"{LAYER}.lora_A.weight", f"{LAYER}.lora_B.weight", "network.alpha"

Header = dict[str, Any]


def a_tensor(dtype: str, shape: list[int], first: int, behind: int) -> Header:
    return {"dtype": dtype, "shape": shape, "data_offsets": [first, behind]}


def a_header(**more: Any) -> Header:
    """Two LoRA matrices of rank 2 for a layer of 3 inputs and 4 outputs, and another tensor behind them."""
    return {
        DOWN: a_tensor("BF16", [2, 3], 0, 12),
        UP: a_tensor("BF16", [4, 2], 12, 28),
        OTHER: a_tensor("F32", [], 28, DATA_BYTES),
        **more,
    }


def packed(header: Any, data: bytes = bytes(DATA_BYTES)) -> bytes:
    """A file of this header, or of these bytes as one."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + data


GOOD: dict[str, bytes] = {
    "plain": packed(a_header()),
    "metadata": packed(a_header(__metadata__={"format": "pt"})),
    "hostile metadata": packed(a_header(__metadata__={"x": "<script>", "__proto__": "../../etc/passwd"})),
    "another order": packed(dict(reversed(a_header().items()))),
    "kohya": packed(
        json.dumps(a_header()).replace("lora_A", "lora_down").replace("lora_B", "lora_up").encode()
    ),
    "named adapter": packed(json.dumps(a_header()).replace(".weight", ".default.weight").encode()),
    "blanks in the header": packed(json.dumps(a_header(), indent=4).encode() + b" " * 100),
    "a name of any letters": packed(a_header(**{"李\u202e/../x": a_tensor("F32", [0], 32, 32)})),
}
CHANGES: dict[str, tuple[Any, ...]] = {
    "dtype": ("F99", "", "bf16", None, 7, ["BF16"], {"a": 1}),
    "shape": (
        [2, 2],
        [2, 3.0],
        [2, True, 3],
        [-2, -3],
        [2, 3] + [1] * MAX_DIMENSIONS,
        "23",
        None,
        [2**63, 3],
        {},
    ),
    "data_offsets": (
        *([-2, 10], [0, 11], [0], [0, 12, 28], ["0", "12"], [12, 0], [0, 2**64], [0, float("nan")], None),
        *([True, 12], [0.0, 12.0], [1, 13], [10**400, 10**400 + 12]),
    ),
}
HEADERS: dict[str, Any] = {
    "no object": b"[]",
    "null": b"null",
    "empty": b"{}",
    "half": b'{"a": ',
    "deep": b"[" * 100_000,
    "a long number": b"9" * 10_000,
    "UTF-16": json.dumps(a_header()).encode("utf-16"),
    "no UTF-8": json.dumps(a_header()).encode().replace(b"alpha", b"alph\xff"),
    "a name twice": (json.dumps(a_header())[:-1] + ", " + json.dumps(a_header())[1:]).encode(),
    "a tensor that is a number": a_header(more=7),
    "a tensor that is nothing": a_header(more=None),
    "a tensor of nothing": a_header(more={}),
    "infinity": b'{"a": {"dtype": "F32", "shape": [Infinity], "data_offsets": [0, 4]}}',
    "no LoRA": {"a": a_tensor("F32", [8], 0, DATA_BYTES)},
    "one half": {DOWN: a_tensor("BF16", [2, 8], 0, DATA_BYTES)},
    "two first halves": a_header(**{f"{LAYER}x.lora_A.weight": a_tensor("BF16", [0], 32, 32)}),
    "empty halves": {DOWN: a_tensor("F32", [0, 8], 0, 0), UP: a_tensor("F32", [4, 0], 0, 0)},
    "halves that do not fit": a_header(**{UP: a_tensor("BF16", [2, 4], 12, 28)}),
    "halves of integers": a_header(**{UP: a_tensor("I16", [4, 2], 12, 28)}),
    "very many tensors": {f"t{number}": a_tensor("U8", [0], 0, 0) for number in range(MAX_TENSORS + 1)},
    "metadata of another shape": a_header(__metadata__={"format": ["pt"]}),
    "metadata that are a list": a_header(__metadata__=["pt"]),
    "metadata that are no number": b'{"__metadata__": {"a": NaN}, ' + json.dumps(a_header()).encode()[1:],
    "a blank before it": b" " + json.dumps(a_header()).encode(),
    "only metadata": {"__metadata__": {"format": "pt"}},
    "an overlap": a_header(more=a_tensor("U8", [4], 8, 12)),
    "a gap": a_header(**{OTHER: a_tensor("U8", [3], 29, 32)}),
}
FILES: dict[str, bytes] = {
    "nothing": b"",
    "seven bytes": b"\1\0\0\0\0\0\0",
    "a page": b"<!doctype html><title>expired</title>",
    "JSON": b'{"detail": "not found"}',
    "ZIP, as torch writes": b"PK\3\4" + bytes(100),
    "pickle": pickle.dumps({"lora": [1, 2, 3]}),
    "a picture": b"\xff\xd8\xff\xe0" + bytes(100),
    "ELF": b"\x7fELF" + bytes(100),
    "ones": b"\xff" * 64,
    "GGUF": b"GGUF\3\0\0\0" + bytes(100),
    "a header beyond the file": (2**40).to_bytes(8, "little") + b"{}",
    "a header of 11 MB": packed(b" " * (MAX_HEADER_BYTES + 1)),
    "a header of one byte": packed(b"{"),
}


def entries() -> Iterator[Entry]:
    for name, content in GOOD.items():
        yield Entry(name, "as it should be", content)
    for member, values in CHANGES.items():
        for number, value in enumerate(values):
            changed = a_header(**{DOWN: {**a_header()[DOWN], member: value}})
            yield Entry(f"{member} {number}", f"another {member}", packed(changed), REJECTED)
    for name, header in HEADERS.items():
        yield Entry(name, "another header", packed(header), REJECTED)
    for name, content in FILES.items():
        yield Entry(name, "another file", content, REJECTED)
    for part in range(1, 10):
        whole = GOOD["plain"]
        yield Entry(f"{part} tenths", "cut short", whole[: len(whole) * part // 10], REJECTED)
    yield Entry("a byte short", "cut short", GOOD["plain"][:-1], REJECTED)
    yield Entry("a byte long", "more behind", GOOD["plain"] + b"\0", REJECTED)
    yield Entry("a program behind", "more behind", GOOD["plain"] + FILES["ELF"], REJECTED)
    yield Entry("larger than is kept", "more behind", GOOD["plain"] + bytes(LIMIT_BYTES), TOO_LARGE)


def door(system: System) -> Try:
    answers: dict[str, bytes] = {}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=answers["now"]))
    http = SafeHttpClient(EVERYWHERE, transport)

    def keep(content: bytes) -> str:
        answers["now"] = content
        with TemporaryDirectory() as folder:
            path = Path(folder) / "lora.safetensors"
            try:
                http.download("https://v3.fal.media/lora.safetensors", path, LIMIT_BYTES)
                check_weights(path)
            except (InvalidRequest, ProviderError) as refused:
                return refused.code
        return ACCEPTED

    return keep


CORPUS = Corpus("Weights", 60, entries, door)
