"""Sources: where callers say that a picture is, and the bytes there."""

import re
import time
from collections.abc import Callable

from character_identity.domain.errors import InvalidRequest, NotFound, ProviderError
from character_identity.domain.object_keys import uploads_of
from character_identity.ports.gateways import Media
from character_identity.ports.stores import Bucket

MAX_BYTES = 20 * 1024 * 1024
"""Of an upload, or of what lies at a link."""
SET_TIMEOUT_S = 12
"""Seconds for all links of a set together, of the 29 that a request has."""
TOO_SLOW = "The pictures before it took too long to fetch; upload them, or send fewer."


class Sources:
    """Reads what lies at a link or under the key of an upload; every set of them has one deadline."""

    def __init__(self, bucket: Bucket, media: Media, clock: Callable[[], float] = time.monotonic) -> None:
        self._bucket = bucket
        self._media = media
        self._clock = clock

    def deadline(self) -> float:
        """By when the links of a set have to be read that is begun now."""
        return self._clock() + SET_TIMEOUT_S

    def read(self, owner: str, source: str, ends_at: float) -> bytes:
        """The bytes at a link, or of an upload of this owner's.

        Raises:
            InvalidRequest: they cannot be had, or are more than MAX_BYTES.
        """
        if "://" in source:
            return self._fetch(source, ends_at - self._clock())
        if not re.fullmatch(rf"{uploads_of(owner)}[\w.-]{{1,100}}", source, re.ASCII):
            raise _unknown()
        try:
            return self._bucket.read(source, MAX_BYTES)
        except NotFound as exc:
            raise _unknown() from exc

    def _fetch(self, url: str, left_s: float) -> bytes:
        if left_s <= 0:
            raise InvalidRequest(TOO_SLOW, code="unreachable_reference")
        try:
            return self._media.fetch(url, MAX_BYTES, left_s)
        except ProviderError as exc:
            raise InvalidRequest("The picture could not be fetched.", code="unreachable_reference") from exc


def _unknown() -> InvalidRequest:
    return InvalidRequest("There is no uploaded picture of that key.", code="unknown_reference")
