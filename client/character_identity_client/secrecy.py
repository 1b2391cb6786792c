"""What must not be read in errors and logs: tokens, and the queries of links, which are signatures."""

import re

_QUERY = re.compile(r"(?<=[^\s\"'<>?])\?[^\s\"'<>]+")
_TOKEN = re.compile(r"[\x21-\x7e]+")


def without_queries(text: str) -> str:
    """A text in which links end where their queries began."""
    return _QUERY.sub("?...", text)


def bearer(token: str) -> str:
    """The header that a token is sent in.

    Raises:
        ValueError: it is none. HTTP libraries say so too, but quote it.
    """
    if not _TOKEN.fullmatch(token):
        raise ValueError("The token is empty, or has blanks, line breaks or other characters that none has.")
    return f"Bearer {token}"
