"""Pictures that are sent in their address: data URIs, RFC 2397."""

import base64
from urllib.parse import unquote_to_bytes

from character_identity.domain.errors import InvalidRequest

URL_SAFE = bytes.maketrans(b"-_", b"+/")


def decoded(uri: str, limit_bytes: int) -> bytes:
    """The bytes in a data URI, in Base64 or percent-encoded; the type that it names does not count.

    Raises:
        InvalidRequest: ``file_too_large``: it would have more than ``limit_bytes``, and was not decoded;
            ``unreadable_image``: it cannot be decoded.
    """
    head, comma, data = uri.partition(",")
    is_base64 = head.rstrip().lower().endswith(";base64")
    letters = len(data) - 2 * data.count("%")
    if (letters * 3 // 4 if is_base64 else letters) > limit_bytes:
        raise InvalidRequest(f"The picture has more than {limit_bytes} bytes.", code="file_too_large")
    try:
        content = unquote_to_bytes(data)
        if is_base64:
            packed = b"".join(content.split()).rstrip(b"=").translate(URL_SAFE)
            content = base64.b64decode(packed + b"=" * (-len(packed) % 4), validate=True)
    except ValueError as exc:
        raise InvalidRequest("The data URI cannot be decoded.", code="unreadable_image") from exc
    if not comma or not content:
        raise InvalidRequest("The data URI has no data.", code="unreadable_image")
    return content
