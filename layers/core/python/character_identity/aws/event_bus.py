"""Puts events on EventBridge, each at least once."""

import json
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from character_identity.domain.errors import EventNotAccepted
from character_identity.domain.event import Event

SOURCE = "character-identity"
DELIVERY_DUE = "DeliveryDue"


class EventBridge:
    """The account's default bus. It may hand an event on more than once.

    Stages share it: ``table``, the name of the one that an event is kept in, is told as its resource.
    """

    def __init__(self, client: Any, table: str) -> None:
        self._client = client
        self._table = table

    def publish(self, event: Event) -> None:
        """The detail is the event's message, with its owner."""
        self._put(event.type, {**event.message, "owner": event.owner})

    def request_delivery(self, event_id: str) -> None:
        self._put(DELIVERY_DUE, {"id": event_id})

    def _put(self, kind: str, detail: dict[str, Any]) -> None:
        entry = {
            "Source": SOURCE,
            "Resources": [self._table],
            "DetailType": kind,
            "Detail": json.dumps(detail),
        }
        try:
            answer = self._client.put_events(Entries=[entry])
        except (BotoCoreError, ClientError) as exc:
            raise EventNotAccepted(f"{kind}: {exc}") from exc
        if answer["FailedEntryCount"]:
            raise EventNotAccepted(f"{kind}: {answer['Entries'][0].get('ErrorCode')}")
