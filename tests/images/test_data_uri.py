import base64
from urllib.parse import quote

import pytest

from character_identity.domain.errors import InvalidRequest
from character_identity.images.data_uri import decoded
from character_identity.images.decoding import inspect
from tests.support.builders import an_image

LIMIT = 10_000


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("said", ["image/png", "image/jpeg;charset=x", "", "text/html"])
def test_a_picture_in_its_address_is_read_whatever_type_is_named(image_format: str, said: str) -> None:
    content = an_image(image_format=image_format)
    packed = base64.b64encode(content).decode()
    for uri in (
        f"data:{said};base64,{packed}",
        f"DATA:{said};BASE64,{packed.rstrip('=')}",
        f"data:{said};base64,{quote(packed, safe='')}",
        f"data:{said};base64,{packed[:40]}\r\n{packed[40:]}",
        f"data:{said};base64,{base64.urlsafe_b64encode(content).decode()}",
        f"data:{said},{quote(content)}",
    ):
        assert decoded(uri, LIMIT) == content
    assert inspect(content).suffix == {"JPEG": "jpg", "PNG": "png", "WEBP": "webp"}[image_format]


@pytest.mark.parametrize(
    "uri",
    [
        "data:",
        "data:,",
        "data:image/png;base64,",
        "data:image/png;base64",
        "data:;base64,A",
        "data:;base64,é",
    ],
)
def test_what_cannot_be_decoded_says_so(uri: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        decoded(uri, LIMIT)
    assert caught.value.code == "unreadable_image"


@pytest.mark.parametrize("form", ["data:;base64,{}", "data:,{}"])
def test_what_is_too_large_is_not_decoded(form: str) -> None:
    """The data is none, which would be said if it were looked at."""
    with pytest.raises(InvalidRequest) as caught:
        decoded(form.format("!" * 2 * LIMIT), LIMIT)
    assert caught.value.code == "file_too_large"


def test_the_limit_is_in_bytes() -> None:
    packed = base64.b64encode(bytes(LIMIT)).decode().rstrip("=")
    assert len(decoded(f"data:;base64,{packed}", LIMIT)) == LIMIT
    assert len(decoded(f"data:,{'%00' * LIMIT}", LIMIT)) == LIMIT
