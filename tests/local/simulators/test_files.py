"""File formats: safetensors, the LoRA in it, form bodies, downloads, photographs."""

import asyncio
import io
import json
import struct
from collections.abc import AsyncIterator

import httpx
import numpy as np
import pytest
from PIL import Image

from local.simulators.downloads import DownloadFailed, Downloads, FileTooLarge
from local.simulators.drawing.photographs import NotAnImage, read_photograph
from local.simulators.forms import UnreadableBody, coerced, multipart, resource_fields
from local.simulators.lora_file import read_lora, write_lora
from local.simulators.safetensors_file import NotSafetensors, Tensors, read_safetensors, write_safetensors
from tests.support.simulators import jpeg, portrait, share_of_cloth


def with_header(header: object, body: bytes) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + body


def test_safetensors_survive_the_round_trip() -> None:
    tensors: Tensors = {
        "a": np.arange(6, dtype=np.float16).reshape(2, 3),
        "b": np.frombuffer(b"bytes", dtype=np.uint8),
    }
    read, metadata = read_safetensors(write_safetensors(tensors, {"format": "pt"}))
    assert metadata == {"format": "pt"}
    assert {name: tensor.tolist() for name, tensor in read.items()} == {
        name: tensor.tolist() for name, tensor in tensors.items()
    }


def test_the_header_is_aligned_and_describes_the_bytes() -> None:
    data = write_safetensors({"a": np.ones((2, 2), dtype=np.float32)}, {})
    (length,) = struct.unpack_from("<Q", data)
    assert length % 8 == 0
    assert json.loads(data[8 : 8 + length])["a"] == {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}
    assert len(data) == 8 + length + 16


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<html>not found</html>",
        struct.pack("<Q", 2**40) + b"{}",
        with_header([], b""),
        with_header({"a": 1}, b""),
        with_header({"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}}, b"1234"),
        with_header({"a": {"dtype": "F32", "shape": [3], "data_offsets": [0, 8]}}, b"12345678"),
        with_header({"a": {"dtype": "F7", "shape": [1], "data_offsets": [0, 1]}}, b"1"),
        with_header({"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}, b"12"),
        with_header({"a": {"dtype": "U8", "shape": [1]}}, b"1"),
    ],
)
def test_what_breaks_the_format_is_refused(data: bytes) -> None:
    with pytest.raises(NotSafetensors):
        read_safetensors(data)


def test_bfloat16_of_other_makers_is_read() -> None:
    entry = {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}
    lora = read_lora(with_header({"lora.weight": entry}, b"\x80\x3f\x00\x40"))
    assert not lora.answers_to("anything")


def test_a_lora_remembers_images_and_trigger_word() -> None:
    lora = read_lora(write_lora([portrait()], "SARAH", 1000))
    assert share_of_cloth(lora.images[0]) == pytest.approx(share_of_cloth(portrait()), abs=0.02)
    assert lora.answers_to("SARAH, smiling") and not lora.answers_to("Sarah, smiling")


def test_a_lora_is_the_same_for_the_same_training() -> None:
    assert write_lora([portrait()], "SARAH", 10) == write_lora([portrait()], "SARAH", 10)
    assert write_lora([portrait()], "SARAH", 10) != write_lora([portrait()], "SARAH", 11)


def test_many_images_keep_a_lora_small() -> None:
    data = write_lora([portrait()] * 20, "SARAH", 1000)
    assert len(read_lora(data).images) == 6
    assert len(data) < 1_000_000


def test_multipart_keeps_bytes_as_they_are() -> None:
    data = b"\r\n--x\r\n\x00\xff" * 3
    request = httpx.Request(
        "POST", "http://x", files={"tune[images][]": ("a.jpg", data)}, data={"tune[title]": "é"}
    )
    content_type, body = request.headers["content-type"], request.read()
    title, image = multipart(content_type, body)
    assert (title.name, title.is_file, title.data.decode()) == ("tune[title]", False, "é")
    assert (image.name, image.is_file, image.data) == ("tune[images][]", True, data)
    assert resource_fields("tune", content_type, body) == {"title": "é", "images": [data]}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"tune": 1}', b"{"])
def test_a_body_without_the_resource_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableBody):
        resource_fields("tune", "application/json", body)


def test_form_texts_become_what_the_schema_says() -> None:
    properties = {
        "steps": {"type": ["integer", "null"]},
        "face_crop": {"type": "boolean"},
        "title": {"type": "string"},
    }
    fields = {"steps": "300", "face_crop": "true", "title": "12", "other": "1"}
    assert coerced(fields, properties) == {"steps": 300, "face_crop": True, "title": "12", "other": "1"}
    assert coerced({"steps": "many"}, properties) == {"steps": "many"}


def fetched(handler: httpx.MockTransport, url: str, largest_bytes: int = 100) -> bytes:
    return asyncio.run(Downloads(httpx.AsyncClient(transport=handler)).fetch(url, largest_bytes))


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"0123456789"


def test_downloads_are_capped_while_they_come() -> None:
    with pytest.raises(FileTooLarge):
        fetched(httpx.MockTransport(lambda request: httpx.Response(200, content=endless())), "http://x/a")
    with pytest.raises(FileTooLarge):
        fetched(
            httpx.MockTransport(lambda request: httpx.Response(200)), "data:;base64,MTIz", largest_bytes=2
        )


def test_downloads_follow_redirects() -> None:
    def moved(request: httpx.Request) -> httpx.Response:
        if request.url.path == "/a":
            return httpx.Response(302, headers={"Location": "/b"})
        return httpx.Response(200, content=b"here")

    assert fetched(httpx.MockTransport(moved), "http://x/a") == b"here"


@pytest.mark.parametrize(
    "url", ["", "no url", "ftp://x/a", "http://", "data:,text", "data:;base64,***", "http://x/403"]
)
def test_what_cannot_be_had_is_a_failed_download(url: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if request.url.scheme not in ("http", "https") or not request.url.host:
            raise httpx.UnsupportedProtocol("not served", request=request)
        return httpx.Response(403)

    with pytest.raises(DownloadFailed):
        fetched(httpx.MockTransport(answer), url)


def test_a_photograph_is_turned_upright_and_made_smaller() -> None:
    image = Image.new("RGB", (2048, 1024), (255, 0, 0))
    exif = image.getexif()
    exif[0x0112] = 6  # orientation: the camera was held on its side
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", exif=exif)
    assert read_photograph(buffer.getvalue()).size == (512, 1024)


def test_a_sliver_of_a_photograph_is_made_wide_enough_to_work_with() -> None:
    assert read_photograph(jpeg(Image.new("RGB", (10, 200)))).size == (64, 200)


@pytest.mark.parametrize("data", [b"", b"GIF89a", jpeg(portrait())[:500]])
def test_what_is_no_image_is_refused(data: bytes) -> None:
    with pytest.raises(NotAnImage):
        read_photograph(data)
