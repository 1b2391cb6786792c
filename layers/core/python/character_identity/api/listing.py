"""Lists: what a call asks of one, and the page that it gets, by what the table says of its route."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from character_identity.api.cursor import decode_cursor, encode_cursor
from character_identity.api.request import Request, refuse_parameter
from character_identity.api.route import SINCE
from character_identity.api.schemas import Body, to_json
from character_identity.domain.page import MOST_ENTRIES, USUAL_ENTRIES, Entry, Page, Window

MOST_BYTES = 900_000
"""Of a page's entries as JSON. Lambda answers with 6 MB at most
(https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html, read 2026-11-28)."""

Shown = TypeVar("Shown", bound=Body)


def window_of(request: Request[Any]) -> Window:
    """Return which entries a call asks for.

    Raises:
        InvalidRequest: it asks for what there is not, or its cursor belongs to another list.
    """
    asked = request.query_parameters
    filters = {query.name: query for query in request.route.query}
    for name, query in filters.items():
        allowed = query.schema.get("enum")
        if name in asked and allowed is not None and asked[name] not in allowed:
            refuse_parameter(name, f"is one of {', '.join(allowed)}")
    since, cursor = _since(asked), asked.get("cursor")
    return Window(
        limit=_limit(asked),
        after=None if cursor is None else decode_cursor(cursor, _scope(request), since),
        since=since,
        where={name: asked[name] for name in filters if name in asked and name != SINCE.name},
    )


def fill_page(
    request: Request[Any], page: Page[Entry], show: Callable[[Entry], Shown]
) -> tuple[list[Shown], str | None]:
    """Show entries until the page is full, in bytes too; returns the cursor of the next page as well.

    An entry that is larger than a page is a page of its own.
    """
    shown: list[Shown] = []
    size_bytes = 0
    for entry in page.entries:
        body = show(entry)
        size_bytes += len(json.dumps(to_json(body))) + len(", ")
        if shown and size_bytes > MOST_BYTES:
            return shown, encode_cursor(page.entries[len(shown) - 1].position, _scope(request))
        shown.append(body)
    return shown, page.more_after and encode_cursor(page.more_after, _scope(request))


def _scope(request: Request[Any]) -> str:
    """Return which list of whom; a cursor belongs to one, whatever ``limit`` its pages have."""
    asked = request.query_parameters
    filters = sorted((name, asked[name]) for name in asked.keys() - {"limit", "cursor"})
    return json.dumps([request.owner, request.route.path, request.path_parameters, filters], sort_keys=True)


def _limit(asked: Mapping[str, str]) -> int:
    text = asked.get("limit", str(USUAL_ENTRIES))
    if not text.isascii() or not text.isdecimal() or len(text) > 9 or not 1 <= int(text) <= MOST_ENTRIES:
        refuse_parameter("limit", f"is a number from 1 to {MOST_ENTRIES}")
    return int(text)


def _since(asked: Mapping[str, str]) -> datetime | None:
    text = asked.get(SINCE.name)
    if text is None:
        return None
    try:
        since = datetime.fromisoformat(text)
        return (since if since.tzinfo else since.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        refuse_parameter(SINCE.name, "is a time as in 2026-11-22T12:00:00Z, or a day of UTC as in 2026-11-22")
