"""Events in DynamoDB: an outbox until they are published, and a record for a month after."""

from datetime import timedelta

from character_identity.aws import keys
from character_identity.aws.items import Item
from character_identity.aws.table import Table
from character_identity.aws.writes import THERE, Write, put, update
from character_identity.domain.event import Event

KEPT = timedelta(days=30)
PUBLISHED_BY = timedelta(minutes=1)
"""Until then whoever settled the subject publishes its event; after it the sweep does."""


class EventTable:
    """One item each, among the open work until it is published; its deliveries lie beside it."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def add_published(self, event: Event) -> None:
        self._table.write(put(_item(event)))

    def find(self, event_id: str) -> Event | None:
        item = self._table.get(keys.event(event_id))
        return None if item is None else Event.model_validate(item)

    def find_unpublished(self, event_id: str) -> Event | None:
        item = self._table.get(keys.event(event_id))
        return Event.model_validate(item) if item is not None and "due_at" in item else None

    def mark_published(self, event_id: str) -> None:
        self._table.write(update(keys.event(event_id), keys.NOT_DUE, THERE))


def put_of(event: Event, when: str = "") -> Write:
    """Write an event, not yet published; for the transaction that settles its subject.

    Without a condition of its own the one under which the subject is settled holds for both, and where an
    event is written twice (an erasure that is repeated) it is the same one. A score takes the place of an
    earlier one, so its event is written only if it is ``NEW``.
    """
    due = keys.due(event.occurred_at + PUBLISHED_BY, keys.OPEN_MESSAGES)
    return put({**_item(event), **due}, when)


def _item(event: Event) -> Item:
    expires_at = int((event.occurred_at + KEPT).timestamp())
    return {**keys.event(event.event_id), **event.model_dump(mode="json"), "expires_at": expires_at}
