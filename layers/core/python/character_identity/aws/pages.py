"""Pages of what the index lists."""

from collections.abc import Callable
from datetime import datetime

from character_identity.aws import keys
from character_identity.aws.items import Item
from character_identity.aws.table import Table
from character_identity.domain.page import Entry, Page, Position, Window


def read_page(
    table: Table,
    gsi1pk: str,
    window: Window,
    key_of: Callable[[str], keys.Key],
    entry_of: Callable[[Item], Entry],
) -> Page[Entry]:
    """Return a page of what the index lists there; ``key_of`` makes an entry's key of its id."""
    place = window.after
    rows, last = table.page(
        gsi1pk,
        window.limit,
        after=None if place is None else {**key_of(place.entry_id), **keys.listed(gsi1pk, place.at)},
        since=window.since.isoformat() if window.since else "",
        where=window.where,
    )
    entries = [entry_of(row) for row in rows]
    if last is None:
        return Page(entries)
    return Page(entries, Position(datetime.fromisoformat(last["gsi1sk"]), keys.id_of(last["pk"])))
