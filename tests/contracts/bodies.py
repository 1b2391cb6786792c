"""Bodies that nobody would call an answer."""

import gzip
import json

import httpx

from character_identity.outbound.provider_http import MAX_ANSWER_BYTES
from tests.contracts.fault_injection import signed

JSON = {"content-type": "application/json"}
OTHER_JSON = ("null", "[]", "[{}]", '"text"', "7", "true", "NaN")
NOT_OBJECTS: dict[str, httpx.Response] = {
    "a page": httpx.Response(200, html=f"<html>Welcome to {signed('')}</html>"),
    "nothing": httpx.Response(200),
    "no content": httpx.Response(204),
    "blanks": httpx.Response(200, text=" \r\n"),
    "cut short": httpx.Response(200, content=b'{"request_id": "r1", "sta', headers=JSON),
    "not text": httpx.Response(200, content=b"\xff\xfe\x00\xd8{}", headers=JSON),
    "too deep": httpx.Response(200, content=b'{"a":' * 100_000, headers=JSON),
    "too large": httpx.Response(200, content=b" " * MAX_ANSWER_BYTES + b"{}", headers=JSON),
    "a number of too many digits": httpx.Response(200, content=b"9" * 10_000, headers=JSON),
    **{f"JSON {text}": httpx.Response(200, text=text, headers=JSON) for text in OTHER_JSON},
}


def unpackable() -> httpx.Response:
    """A body that says it is compressed and is not; made anew, since its bytes are read once."""
    return httpx.Response(
        200,
        headers={"content-encoding": "gzip"},
        stream=httpx.ByteStream(b"not gzip"),
    )


def packed(body: object) -> httpx.Response:
    """A JSON body that is really compressed."""
    content = gzip.compress(json.dumps(body).encode())
    return httpx.Response(200, headers={"content-encoding": "gzip", **JSON}, stream=httpx.ByteStream(content))
