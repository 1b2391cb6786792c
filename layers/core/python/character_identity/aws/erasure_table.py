"""Receipts of erased identities in DynamoDB, and the rows that go with an identity."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from boto3.dynamodb.conditions import Key
from botocore.exceptions import ClientError

from character_identity.aws.event_table import put_of
from character_identity.aws.identity_table import ERASED
from character_identity.aws.items import is_condition_failure, to_item
from character_identity.aws.open_work import listing
from character_identity.aws.transactions import Refused, transact
from character_identity.domain.erasure import ErasureReceipt, Removed
from character_identity.domain.event import Event
from character_identity.domain.job import job_id_of, subject_of

MOST_DELETED_AT_ONCE = 100
"""Actions that a transaction takes; API_TransactWriteItems in DynamoDB's reference, read 2026-11-23."""
EMBEDDING, MARK = "EMBEDDING#", "WEIGHTS#"
"""How the sort keys of the rows beside an identity begin."""


class ErasureTable:
    """A receipt lies where its identity was: pk ``IDENTITY#<id>``, sk ``IDENTITY``, ``status`` ``erased``.

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
        key = {"pk": _pk(identity_id), "sk": "IDENTITY"}
        item = self._table.get_item(Key=key, ConsistentRead=True).get("Item")
        return ErasureReceipt.model_validate(item) if item is not None and item["status"] == ERASED else None

    def save(self, receipt: ErasureReceipt, purge_at: datetime | None) -> None:
        """Keep what became of an erasure, and when to purge again; None: no more."""
        self._table.put_item(Item=_item(receipt, purge_at))

    def jobs_of(self, identity_id: str, limit: int) -> list[str]:
        """Ids of the jobs whose generations are there, newest first; one just added may be missing."""
        answer = self._table.query(
            IndexName="by_owner",
            KeyConditionExpression=Key("listing").eq(f"GENERATIONS#{identity_id}"),
            ProjectionExpression="pk",
            ScanIndexForward=False,
            Limit=limit,
        )
        subject_ids = (str(item["pk"]).removeprefix("GENERATION#") for item in answer["Items"])
        return [job_id_of("generation", subject_id) for subject_id in subject_ids]

    def remove(self, job_id: str) -> Removed:
        """Delete the generation that a job is for, and its scores."""
        pk = f"GENERATION#{subject_of(job_id)}"
        answer = self._table.delete_item(Key={"pk": pk, "sk": "GENERATION"}, ReturnValues="ALL_OLD")
        scores = [{"pk": pk, "sk": sk} for sk in self._sort_keys(pk)]
        self._delete(scores)
        return Removed(generations=int("Attributes" in answer), scores=len(scores))

    def remove_rows(self, identity_id: str) -> Removed:
        """Delete the embeddings of an identity's pictures and the marks of its weights."""
        pk = _pk(identity_id)
        beside = [sk for sk in self._sort_keys(pk) if sk.startswith((EMBEDDING, MARK))]
        for sk in beside:
            if sk.startswith(MARK):
                self._forget(identity_id, sk)
        self._delete([{"pk": pk, "sk": sk} for sk in beside])
        return Removed(embeddings=sum(sk.startswith(EMBEDDING) for sk in beside))

    def _forget(self, identity_id: str, mark: str) -> None:
        """Delete a mark by which weights are found, unless it leads to another identity by now."""
        pk, _, owner = mark.partition("/")
        try:
            self._table.delete_item(
                Key={"pk": pk, "sk": owner},
                ConditionExpression="identity_id = :identity_id",
                ExpressionAttributeValues={":identity_id": identity_id},
            )
        except ClientError as exc:
            if not is_condition_failure(exc):
                raise

    def _sort_keys(self, pk: str) -> Iterator[str]:
        query = {
            "KeyConditionExpression": Key("pk").eq(pk),
            "ProjectionExpression": "sk",
            "ConsistentRead": True,
        }
        while True:
            page = self._table.query(**query)
            yield from (str(item["sk"]) for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]

    def _delete(self, keys: Sequence[dict[str, str]]) -> None:
        for start in range(0, len(keys), MOST_DELETED_AT_ONCE):
            some = keys[start : start + MOST_DELETED_AT_ONCE]
            transact(self._table, [{"Delete": {"Key": key}} for key in some])


def _item(receipt: ErasureReceipt, purge_at: datetime | None) -> dict[str, Any]:
    due = {} if purge_at is None else listing(purge_at)
    key = {"pk": _pk(receipt.identity_id), "sk": "IDENTITY"}
    return {**key, **to_item(receipt), **due, "status": ERASED}


def _pk(identity_id: str) -> str:
    return f"IDENTITY#{identity_id}"
