"""References that are prepared once: it is most of what an order takes, and tests order with few pictures."""

from functools import lru_cache

from character_identity.images.decoding import PreparedImage, prepare
from character_identity.services import references

LARGEST_BYTES = 100_000
"""Of a file that is kept; larger ones are prepared each time, as tests of large ones come once."""


def prepare_pictures_once() -> None:
    """Have the intake keep what it made of a picture; equal bytes make equal ones (``tests/images``)."""
    kept = lru_cache(maxsize=256)(prepare)

    def prepared(content: bytes, limit_bytes: int) -> PreparedImage:
        return (kept if len(content) <= LARGEST_BYTES else prepare)(content, limit_bytes)

    vars(references)["prepare"] = prepared
