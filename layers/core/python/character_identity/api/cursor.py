"""Cursor: a place in a list as callers carry it from one page to the next.

It holds the place and a digest of it together with the list that it is of: owner, path and filters. That is
no secret, and need not be: whoever computes one reads their own list from another place, since a list is
always read under the owner whom the token names. The digest is against mistakes: a cursor of another list,
of another owner, or with a letter lost.
"""

import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from datetime import UTC, datetime

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.ids import ID
from character_identity.domain.page import Position

LONGEST_CURSOR = 400
"""Characters; ours have at most 300, with the longest id."""
DIGEST_BYTES = 9


def encode_cursor(position: Position, scope: str) -> str:
    """Write a place in the list of that scope in letters, digits, ``-`` and ``_``."""
    place = f"{position.at.astimezone(UTC).isoformat()} {position.entry_id}"
    digest = hashlib.sha256(json.dumps([scope, place]).encode()).digest()[:DIGEST_BYTES]
    return urlsafe_b64encode(digest + place.encode()).rstrip(b"=").decode()


def decode_cursor(cursor: str, scope: str, since: datetime | None = None) -> Position:
    """Return the place in the list of that scope, which begins at ``since``.

    Raises:
        InvalidRequest: it is no cursor of this list.
    """
    try:
        if len(cursor) > LONGEST_CURSOR:
            raise ValueError("too long")
        content = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
        at, _, entry_id = content[DIGEST_BYTES:].decode().partition(" ")
        position = Position(datetime.fromisoformat(at), entry_id)
        if not ID.fullmatch(entry_id) or encode_cursor(position, scope) != cursor:
            raise ValueError("of another list, or damaged")
        if since is not None and position.at < since:
            raise ValueError("before the list begins")
    except (ValueError, OverflowError) as exc:
        raise InvalidRequest(
            "This cursor is not one of this list with these filters. Send a nextCursor as it came, with the "
            "same filters, or leave it out to begin anew.",
            code="invalid_cursor",
        ) from exc
    return position
