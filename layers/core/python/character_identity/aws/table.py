"""The one table: reads, and writes that are done alone or together, with plain values in and out."""

import random
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import ClientError

from character_identity.aws.items import Item, from_attributes, to_attributes
from character_identity.aws.keys import INDEX, LAST, Key, may_exist
from character_identity.aws.writes import Write

ATTEMPTS = 10
FIRST_DELAY_S = 0.02
MAX_DELAY_S = 0.5


class Refused(Exception):
    """A condition was not met, so nothing was written; ``refused`` says of each write whether it was its."""

    def __init__(self, refused: list[bool]) -> None:
        super().__init__("A condition was not met.")
        self.refused = refused


class Table:
    """A DynamoDB table with the keys ``pk`` and ``sk`` and one index, by the low-level client."""

    def __init__(self, client: Any, name: str) -> None:
        self._client = client
        self._name = name

    def get(self, key: Key) -> Item | None:
        """Return a row as the last write left it."""
        if not may_exist(key):
            return None
        answer = self._client.get_item(TableName=self._name, Key=to_attributes(key), ConsistentRead=True)
        return from_attributes(answer["Item"]) if "Item" in answer else None

    def query(self, pk: str, sort_key: str = "", *, only: str = "", **values: Any) -> list[Item]:
        """Return the rows under a ``pk`` as the last writes left them, in the order of ``sk``.

        ``sort_key`` is a condition on ``sk``, with its values by name; ``only`` names attributes.
        """
        condition = f"pk = :pk AND {sort_key}" if sort_key else "pk = :pk"
        more: Item = {"ProjectionExpression": only} if only else {}
        return self._query(condition, {"pk": pk, **values}, ConsistentRead=True, **more)

    def listed(
        self, gsi1pk: str, *, until: str = LAST, oldest_first: bool = False, limit: int | None = None
    ) -> list[Item]:
        """Return what the index lists there, up to ``until`` in ``gsi1sk``; one just added may be missing."""
        condition = "gsi1pk = :pk AND gsi1sk <= :until"
        values = {"pk": gsi1pk, "until": until}
        more: Item = {"Limit": limit} if limit else {}
        return self._query(condition, values, IndexName=INDEX, ScanIndexForward=oldest_first, **more)

    def write(self, write: Write) -> bool:
        """Do a write; False, and nothing is written, where its condition is not met."""
        return self._write(write) is not None

    def swap(self, write: Write) -> Item | None:
        """Do a write and return the row as it was; None where its condition is not met or there was none."""
        answer = self._write(write, ReturnValues="ALL_OLD")
        return from_attributes(answer["Attributes"]) if answer and "Attributes" in answer else None

    def transact(self, writes: Sequence[Write], sleep: Callable[[float], None] = time.sleep) -> None:
        """Do all writes or none; another transaction on one of the rows is waited for, for some seconds.

        Raises:
            Refused: a condition was not met.
        """
        items = [{kind: {"TableName": self._name, **what} for kind, what in each.items()} for each in writes]
        for attempt in range(ATTEMPTS):
            try:
                self._client.transact_write_items(TransactItems=items)
                return
            except ClientError as exc:
                codes = [reason.get("Code") for reason in exc.response.get("CancellationReasons", [])]
                if "ConditionalCheckFailed" in codes:
                    raise Refused([code == "ConditionalCheckFailed" for code in codes]) from exc
                if "TransactionConflict" not in codes or attempt == ATTEMPTS - 1:
                    raise
            delay_s = min(FIRST_DELAY_S * 2**attempt, MAX_DELAY_S)
            sleep(delay_s * random.uniform(0.5, 1.5))

    def _write(self, write: Write, **more: Any) -> Any:
        ((kind, what),) = write.items()
        call = getattr(self._client, f"{kind.lower()}_item")
        try:
            return call(TableName=self._name, **what, **more)
        except ClientError as exc:
            if exc.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return None

    def _query(self, condition: str, values: Item, **more: Any) -> list[Item]:
        found: list[Item] = []
        query = {
            "TableName": self._name,
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": to_attributes({f":{name}": each for name, each in values.items()}),
            **more,
        }
        while True:
            page = self._client.query(**query)
            found += [from_attributes(item) for item in page["Items"]]
            if "LastEvaluatedKey" not in page or len(found) >= more.get("Limit", sys.maxsize):
                return found
            query["ExclusiveStartKey"] = page["LastEvaluatedKey"]
