"""Rows of what can be erased, whose receipt then stands in their place."""

from character_identity.aws.items import Item
from character_identity.aws.keys import Key
from character_identity.aws.table import Table
from character_identity.aws.writes import ERASED
from character_identity.domain.errors import Erased, NotFound, Thing


def read_row(table: Table, key: Key, thing: Thing, thing_id: str) -> Item:
    """Return the row of something.

    Raises:
        NotFound: there is none; Erased if there was.
    """
    item = table.get(key)
    if item is None or item["status"] == ERASED:
        raise (NotFound if item is None else Erased).of(thing, thing_id)
    return item
