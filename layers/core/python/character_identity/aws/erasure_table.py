"""Receipts of erased identities in DynamoDB, and the rows that go with an identity."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from character_identity.aws import keys
from character_identity.aws.event_table import put_of
from character_identity.aws.identity_table import ERASED
from character_identity.aws.items import is_condition_failure, to_item
from character_identity.aws.transactions import Refused, transact
from character_identity.domain.erasure import ErasureReceipt, Removed
from character_identity.domain.event import Event

MOST_DELETED_AT_ONCE = 100
"""Actions that a transaction takes; API_TransactWriteItems in DynamoDB's reference, read 2026-11-23."""


class ErasureTable:
    """A receipt lies where its identity was, with ``status`` ``erased``.

    It is among the open work until its last purge.
    """

    def __init__(self, table: Any) -> None:
        self._table = table

    def replace_with_tombstone(self, receipt: ErasureReceipt, event: Event) -> bool:
        """Put a receipt in the place of its identity, with the event; False if there is none any more."""
        put = {
            "Item": _item(receipt, receipt.next_purge_at(receipt.erased_at)),
            "ConditionExpression": "attribute_exists(pk) AND #status <> :erased",
            "ExpressionAttributeNames": {"#status": "status"},
            "ExpressionAttributeValues": {":erased": ERASED},
        }
        try:
            transact(self._table, [{"Put": put}, put_of(event)])
        except Refused:
            return False
        return True

    def find(self, identity_id: str) -> ErasureReceipt | None:
        """The receipt of an erased identity."""
        item = self._table.get_item(Key=keys.identity(identity_id), ConsistentRead=True).get("Item")
        return ErasureReceipt.model_validate(item) if item is not None and item["status"] == ERASED else None

    def save(self, receipt: ErasureReceipt, purge_at: datetime | None) -> None:
        """Keep what became of an erasure, and when to purge again; None: no more."""
        self._table.put_item(Item=_item(receipt, purge_at))

    def generations_of(self, identity_id: str, limit: int) -> list[str]:
        """Ids of generations that are there, newest first; one that was just added may be missing."""
        answer = self._table.query(
            IndexName=keys.INDEX,
            KeyConditionExpression=Key("gsi1pk").eq(keys.generations_of(identity_id)),
            ProjectionExpression="pk",
            ScanIndexForward=False,
            Limit=limit,
        )
        return [keys.id_of(str(item["pk"])) for item in answer["Items"]]

    def remove_generation(self, generation_id: str) -> Removed:
        """Delete a generation and its scores."""
        key = keys.generation(generation_id)
        answer = self._table.delete_item(Key=key, ReturnValues="ALL_OLD")
        scores = self._keys_under(key["pk"])
        self._delete(scores)
        return Removed(generations=int("Attributes" in answer), scores=len(scores))

    def remove_rows(self, identity_id: str) -> Removed:
        """Delete the embeddings of an identity's pictures and the digests of its weights."""
        under = self._keys_under(keys.identity(identity_id)["pk"])
        embeddings = [key for key in under if key["sk"].startswith(keys.EMBEDDING)]
        weights = [key for key in under if key["sk"].startswith(keys.WEIGHTS)]
        for key in weights:
            self._forget(identity_id, keys.trained_weights_at(key["sk"]))
        self._delete([*embeddings, *weights])
        return Removed(embeddings=len(embeddings))

    def _forget(self, identity_id: str, trained_weights: keys.Key) -> None:
        """Delete the row by which weights are found, unless it leads to another identity by now."""
        try:
            self._table.delete_item(
                Key=trained_weights,
                ConditionExpression="identity_id = :identity_id",
                ExpressionAttributeValues={":identity_id": identity_id},
            )
        except ClientError as exc:
            if not is_condition_failure(exc):
                raise

    def _keys_under(self, pk: str) -> list[keys.Key]:
        query = {
            "KeyConditionExpression": Key("pk").eq(pk),
            "ProjectionExpression": "pk, sk",
            "ConsistentRead": True,
        }
        found: list[keys.Key] = []
        while True:
            page = self._table.query(**query)
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _delete(self, rows: Sequence[keys.Key]) -> None:
        for start in range(0, len(rows), MOST_DELETED_AT_ONCE):
            some = rows[start : start + MOST_DELETED_AT_ONCE]
            transact(self._table, [{"Delete": {"Key": key}} for key in some])


def _item(receipt: ErasureReceipt, purge_at: datetime | None) -> dict[str, Any]:
    due = {} if purge_at is None else keys.due(purge_at)
    return {**keys.identity(receipt.identity_id), **to_item(receipt), **due, "status": ERASED}
