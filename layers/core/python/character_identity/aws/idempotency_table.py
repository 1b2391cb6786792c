"""Idempotency records in DynamoDB."""

from datetime import UTC, datetime
from typing import Any

from character_identity.aws import keys
from character_identity.aws.items import Item
from character_identity.aws.table import Table
from character_identity.aws.writes import NEW, delete, put
from character_identity.ports.stores import IdempotencyRecord

SAME = "#target_id = :target_id AND #made_at = :made_at"
"""By its time as well: a call that takes another's place may have its target."""


class IdempotencyTable:
    """The latest of equal calls; and, as an item of its own, that the outcome of one was told."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def find(self, digest: str) -> IdempotencyRecord | None:
        item = self._table.get(keys.call(digest))
        if item is None:
            return None
        expires_at = item.get("expires_at")
        return IdempotencyRecord(
            target_id=item["target_id"],
            made_at=datetime.fromisoformat(item["made_at"]),
            request_digest=item.get("request_digest", ""),
            expires_at=None if expires_at is None else datetime.fromtimestamp(expires_at, UTC),
        )

    def claim(
        self, digest: str, call: IdempotencyRecord, replaces: IdempotencyRecord | None
    ) -> IdempotencyRecord:
        item = {**keys.call(digest), **_item(call)}
        if self._table.write(put(item, NEW) if replaces is None else put(item, SAME, **_identity(replaces))):
            return call
        # What is gone, released or expired, needs no replacing: this one is then the first again.
        return self.find(digest) or self.claim(digest, call, None)

    def release(self, digest: str, call: IdempotencyRecord) -> None:
        self._table.write(delete(keys.call(digest), SAME, **_identity(call)))

    def mark_delivered(self, target_id: str) -> None:
        self._table.write(put(keys.call_delivered(target_id)))

    def was_delivered(self, target_id: str) -> bool:
        return self._table.get(keys.call_delivered(target_id)) is not None


def _item(call: IdempotencyRecord) -> Item:
    item: Item = {**_identity(call)}
    if call.request_digest:
        item["request_digest"] = call.request_digest
    if call.expires_at is not None:
        item["expires_at"] = int(call.expires_at.timestamp())
    return item


def _identity(call: IdempotencyRecord) -> dict[str, Any]:
    return {"target_id": call.target_id, "made_at": call.made_at.isoformat()}
