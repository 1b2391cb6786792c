"""Earlier calls in DynamoDB."""

from datetime import UTC, datetime
from typing import Any

from boto3.dynamodb.conditions import Attr, ConditionBase
from botocore.exceptions import ClientError

from character_identity.aws import keys
from character_identity.aws.items import is_condition_failure
from character_identity.ports.stores import IdempotencyRecord


class IdempotencyTable:
    """The latest of equal calls; and, as an item of its own, that the outcome of one was told."""

    def __init__(self, table: Any) -> None:
        self._table = table

    def find(self, digest: str) -> IdempotencyRecord | None:
        """The call of that digest, if one was made."""
        item = self._table.get_item(Key=keys.call(digest), ConsistentRead=True).get("Item")
        if item is None:
            return None
        expires_at = item.get("expires_at")
        return IdempotencyRecord(
            target_id=item["target_id"],
            made_at=datetime.fromisoformat(item["made_at"]),
            request_digest=item.get("request_digest", ""),
            expires_at=None if expires_at is None else datetime.fromtimestamp(int(expires_at), UTC),
        )

    def claim(
        self, digest: str, call: IdempotencyRecord, replaces: IdempotencyRecord | None
    ) -> IdempotencyRecord:
        """Remember a call unless another than ``replaces`` is remembered; returns the one that is now."""
        try:
            self._table.put_item(
                Item={**keys.call(digest), **_item(call)},
                ConditionExpression=Attr("pk").not_exists() if replaces is None else _is(replaces),
            )
        except ClientError as exc:
            if not is_condition_failure(exc):
                raise
            # What is gone, released or expired, needs no replacing: this one is then the first again.
            return self.find(digest) or self.claim(digest, call, None)
        return call

    def release(self, digest: str, call: IdempotencyRecord) -> None:
        """Forget a call that led to nothing, unless another is remembered by now."""
        try:
            self._table.delete_item(Key=keys.call(digest), ConditionExpression=_is(call))
        except ClientError as exc:
            if not is_condition_failure(exc):
                raise

    def mark_delivered(self, target_id: str) -> None:
        """The outcome of a call was told."""
        self._table.put_item(Item=keys.call_delivered(target_id))

    def was_delivered(self, target_id: str) -> bool:
        """Whether the outcome of a call was told."""
        return "Item" in self._table.get_item(Key=keys.call_delivered(target_id), ConsistentRead=True)


def _item(call: IdempotencyRecord) -> dict[str, Any]:
    item: dict[str, Any] = {"target_id": call.target_id, "made_at": call.made_at.isoformat()}
    if call.request_digest:
        item["request_digest"] = call.request_digest
    if call.expires_at is not None:
        item["expires_at"] = int(call.expires_at.timestamp())
    return item


def _is(call: IdempotencyRecord) -> ConditionBase:
    """By its time as well: a call that takes another's place may have its target."""
    return Attr("target_id").eq(call.target_id) & Attr("made_at").eq(call.made_at.isoformat())
