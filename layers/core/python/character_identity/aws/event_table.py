"""Events in DynamoDB: an outbox until they are published, and a record for a month after."""

from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from character_identity.aws import keys
from character_identity.aws.items import is_condition_failure, to_item
from character_identity.aws.transactions import Write, setting
from character_identity.domain.event import Event

KEPT = timedelta(days=30)
PUBLISHED_BY = timedelta(minutes=1)
"""Until then whoever settled the subject publishes its event; after it the sweep does."""


class EventTable:
    """One item each, among the open work until it is published; its deliveries lie beside it."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def find(self, event_id: str) -> Event | None:
        """The event of that id."""
        item = self._item(event_id)
        return Event.model_validate(item) if item else None

    def find_unpublished(self, event_id: str) -> Event | None:
        """The event of that id, if it was not published yet."""
        item = self._item(event_id)
        return Event.model_validate(item) if "due_at" in item else None

    def mark_published(self, event_id: str) -> None:
        """Nobody has to publish it any more."""
        try:
            self._table.update_item(
                Key=keys.event(event_id), **setting(keys.NOT_DUE), ConditionExpression="attribute_exists(pk)"
            )
        except ClientError as exc:
            if not is_condition_failure(exc):
                raise

    def _item(self, event_id: str) -> dict[str, Any]:
        item: dict[str, Any] = self._table.get_item(Key=keys.event(event_id), ConsistentRead=True).get(
            "Item", {}
        )
        return item


def put_of(event: Event) -> Write:
    """Write an event, not yet published; for the transaction that settles its subject.

    Without a condition of its own: the one under which the subject is settled holds for both, and where an
    event is written twice (an erasure that is repeated) it is the same one.
    """
    expires_at = int((event.occurred_at + KEPT).timestamp())
    due = keys.due(event.occurred_at + PUBLISHED_BY)
    return {
        "Put": {"Item": {**keys.event(event.event_id), **to_item(event), **due, "expires_at": expires_at}}
    }
