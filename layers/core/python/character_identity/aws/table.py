"""The one table: reads, and writes that are done alone or together, with plain values in and out."""

import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from character_identity.aws.items import Item, from_attributes, to_attributes
from character_identity.aws.keys import INDEX, INDEX_KEY, LAST, Key, may_exist
from character_identity.aws.writes import Write, delete

ATTEMPTS = 10
FIRST_DELAY_S = 0.02
MAX_DELAY_S = 0.5
MOST_READS = 8
"""Of a page, 1 MB each (API_Query in DynamoDB's reference, read 2026-11-28): enough for a hundred of the
largest rows that are listed, and for about five thousand usual ones that a filter leaves out."""
MOST_WRITES = 100
"""Of a transaction; API_TransactWriteItems in DynamoDB's reference, read 2026-11-23."""
REFUSED = frozenset({"ConditionalCheckFailed", "ConditionalCheckFailedException"})
"""That a condition was not met: of a write in a transaction, and of one alone."""
PASSING = frozenset(
    {
        "TransactionConflictException",
        "TransactionConflict",
        "ThrottlingError",
        "ProvisionedThroughputExceeded",
    }
)
"""What writes meet that go through a little later: a transaction at work on a row, and in a transaction too
many writes. botocore sends neither again (1.43.106). The codes are those of API_UpdateItem and
API_TransactWriteItems in DynamoDB's reference, read 2026-11-29."""


class Refused(Exception):
    """A condition was not met, so nothing was written; ``refused`` says of each write whether it was its."""

    def __init__(self, refused: list[bool]) -> None:
        super().__init__("A condition was not met.")
        self.refused = refused


class Table:
    """A DynamoDB table with the keys ``pk`` and ``sk`` and one index, by the low-level client."""

    def __init__(self, client: Any, name: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client = client
        self._name = name
        self._sleep = sleep

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

    def keys_under(self, pk: str) -> list[Key]:
        """Return the keys of the rows under a ``pk``."""
        return self.query(pk, only="pk, sk")

    def listed(
        self, gsi1pk: str, *, until: str = LAST, oldest_first: bool = False, limit: int | None = None
    ) -> list[Item]:
        """Return what the index lists there, up to ``until`` in ``gsi1sk``; one just added may be missing."""
        condition = "gsi1pk = :pk AND gsi1sk <= :until"
        values = {"pk": gsi1pk, "until": until}
        more: Item = {"Limit": limit} if limit else {}
        return self._query(condition, values, IndexName=INDEX, ScanIndexForward=oldest_first, **more)

    def page(
        self,
        gsi1pk: str,
        limit: int,
        *,
        after: Key | None = None,
        since: str = "",
        where: Mapping[str, str] | None = None,
    ) -> tuple[list[Item], Key | None]:
        """Return what the index lists there, the last first, and the key after which there may be more.

        ``after`` is such a key, of a row that may be gone; ``since`` bounds ``gsi1sk``; ``where`` has values
        of attributes. With it the rows may be few and not the last: it looks through some megabytes only.
        """
        where = where or {}
        values = {"pk": gsi1pk, **({"since": since} if since else {}), **where}
        query: Item = {
            "TableName": self._name,
            "IndexName": INDEX,
            "ScanIndexForward": False,
            "KeyConditionExpression": "gsi1pk = :pk AND gsi1sk >= :since" if since else "gsi1pk = :pk",
            "ExpressionAttributeValues": to_attributes({f":{name}": each for name, each in values.items()}),
        }
        if where:
            query["FilterExpression"] = " AND ".join(f"#{name} = :{name}" for name in where)
            query["ExpressionAttributeNames"] = {f"#{name}": name for name in where}
        found: list[Item] = []
        last = None if after is None else to_attributes(after)
        for read in range(MOST_READS):
            start = {} if last is None else {"ExclusiveStartKey": last}
            # One more than asked for tells whether there is more. A filter's later reads are whole megabytes.
            size = {} if where and read else {"Limit": limit + 1 - len(found)}
            answer = self._client.query(**query, **start, **size)
            found += [from_attributes(item) for item in answer["Items"]]
            last = answer.get("LastEvaluatedKey")
            if len(found) > limit:
                return found[:limit], {name: found[limit - 1][name] for name in INDEX_KEY}
            if last is None:
                return found, None
        return found, from_attributes(last or {})

    def get_all(self, keys: Sequence[Key]) -> list[Item]:
        """Return those of up to 100 rows that are there, in any order; a change just made may be missing.

        Raises:
            TimeoutError: DynamoDB answers for some of them only, again and again.
        """
        left: Item = {self._name: {"Keys": [to_attributes(key) for key in keys]}} if keys else {}
        found: list[Item] = []
        for attempt in range(ATTEMPTS):
            if not left:
                return found
            if attempt:
                self._sleep(_delay_s(attempt - 1))
            answer = self._client.batch_get_item(RequestItems=left)
            found += [from_attributes(item) for item in answer["Responses"].get(self._name, [])]
            left = answer.get("UnprocessedKeys") or {}
        raise TimeoutError(f"DynamoDB left {len(left[self._name]['Keys'])} of {len(keys)} rows unread.")

    def write(self, write: Write) -> bool:
        """Do a write; False, and nothing is written, where its condition is not met."""
        return self._write(write) is not None

    def swap(self, write: Write) -> Item | None:
        """Do a write and return the row as it was; None where its condition is not met or there was none."""
        answer = self._write(write, ReturnValues="ALL_OLD")
        return from_attributes(answer["Attributes"]) if answer and "Attributes" in answer else None

    def updated(self, write: Write) -> Item | None:
        """Do an update and return what it changed, as it is now; None where its condition is not met."""
        answer = self._write(write, ReturnValues="UPDATED_NEW")
        return None if answer is None else from_attributes(answer["Attributes"])

    def transact(self, writes: Sequence[Write]) -> None:
        """Do all writes or none; what passes, as another transaction does, is waited for, for some seconds.

        Raises:
            Refused: a condition was not met.
        """
        items = [{kind: {"TableName": self._name, **what} for kind, what in each.items()} for each in writes]
        try:
            self._insist(lambda: self._client.transact_write_items(TransactItems=items))
        except ClientError as exc:
            refused = [code in REFUSED for code in _reasons_of(exc)]
            if any(refused):
                raise Refused(refused) from exc
            raise

    def delete_all(self, keys: Sequence[Key]) -> None:
        """Delete rows, however many; those that are not there do not matter."""
        for start in range(0, len(keys), MOST_WRITES):
            self.transact([delete(key) for key in keys[start : start + MOST_WRITES]])

    def _write(self, write: Write, **more: Any) -> Any:
        ((kind, what),) = write.items()
        call = getattr(self._client, f"{kind.lower()}_item")
        try:
            return self._insist(lambda: call(TableName=self._name, **what, **more))
        except ClientError as exc:
            if exc.response["Error"]["Code"] not in REFUSED:
                raise
            return None

    def _insist(self, call: Callable[[], Any]) -> Any:
        """Make a call, and make it again while what it meets passes, for some seconds."""
        for attempt in range(ATTEMPTS - 1):
            try:
                return call()
            except ClientError as exc:
                codes = [exc.response["Error"]["Code"], *_reasons_of(exc)]
                if not REFUSED.isdisjoint(codes) or PASSING.isdisjoint(codes):
                    raise
            self._sleep(_delay_s(attempt))
        return call()

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


def _reasons_of(error: ClientError) -> list[str]:
    """Why a transaction was cancelled, of each of its writes."""
    return [str(reason.get("Code")) for reason in error.response.get("CancellationReasons", [])]


def _delay_s(attempt: int) -> float:
    """Return how long to wait after an attempt, the first of which is 0."""
    longest_s: float = min(FIRST_DELAY_S * 2**attempt, MAX_DELAY_S)
    return longest_s * random.uniform(0.5, 1.5)
