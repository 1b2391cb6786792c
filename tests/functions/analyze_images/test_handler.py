import json
from base64 import b64encode
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from character_identity.domain.errors import InvalidRequest
from functions.analyze_images import handler
from local.photographs import CHELSEA, EILEEN

pytestmark = pytest.mark.usefixtures("shipped_encoder")


@dataclass
class Context:
    memory_limit_in_mb: str = "3008"


def answered(*images: bytes) -> Any:
    request = {"analyze": [b64encode(image).decode() for image in images]}
    return handler.lambda_handler(request, Context())


def orange() -> bytes:
    file = BytesIO()
    Image.new("RGB", (64, 64), "orange").save(file, "JPEG")
    return file.getvalue()


def test_images_are_compared_and_faces_counted() -> None:
    portrait, cat = EILEEN.path.read_bytes(), CHELSEA.path.read_bytes()

    answer = answered(portrait, cat, portrait)

    assert json.loads(json.dumps(answer)) == answer
    assert answer["analyses"] == [{"faces": 1}, {"faces": 0}, {"faces": 1}]
    assert answer["encoder"] == "tiny"
    first, second, third = answer["similarities"]
    assert first == third == pytest.approx([1, second[0], 1])
    assert second[0] == second[2] < 0.999


def test_it_needs_neither_table_nor_bucket() -> None:
    assert answered(orange())["similarities"] == [[pytest.approx(1)]]


def test_an_image_that_cannot_be_analyzed_fails_the_call() -> None:
    with pytest.raises(InvalidRequest):
        answered(orange(), b"<html>")
