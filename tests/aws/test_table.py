"""The table: values in and out, and how conflicts between transactions are waited for."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from character_identity.aws.items import from_attributes, to_attributes
from character_identity.aws.keys import INDEX_KEY
from character_identity.aws.table import ATTEMPTS, MOST_READS, Table


class ConflictingClient:
    """Another transaction is on the same items, so many times, or something else that passes."""

    def __init__(self, conflicts: int, reason: str = "TransactionConflict") -> None:
        self.conflicts = conflicts
        self.reason = reason
        self.calls = 0

    def transact_write_items(self, TransactItems: list[Any]) -> None:
        reasons = [{"Code": "None"}, {"Code": self.reason}]
        self._meet({"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons})

    def put_item(self, TableName: str) -> dict[str, Any]:
        self._meet({"Error": {"Code": f"{self.reason}Exception"}})
        return {}

    def _meet(self, error: Any) -> None:
        self.calls += 1
        if self.calls <= self.conflicts:
            raise ClientError(error, "Any")


def transact(client: ConflictingClient, delays: list[float]) -> None:
    Table(client, "state", delays.append).transact([{"Put": {}}])


def write(client: ConflictingClient, delays: list[float]) -> None:
    assert Table(client, "state", delays.append).write({"Put": {}})


@pytest.mark.parametrize(
    ("do", "reason"),
    [
        (transact, "TransactionConflict"),
        (transact, "ThrottlingError"),
        (transact, "ProvisionedThroughputExceeded"),
        (write, "TransactionConflict"),
    ],
)
def test_what_passes_is_waited_for_and_not_for_ever(
    do: Callable[[ConflictingClient, list[float]], None], reason: str
) -> None:
    client, delays = ConflictingClient(3, reason), list[float]()
    do(client, delays)
    assert (client.calls, len(delays)) == (4, 3)
    client, delays = ConflictingClient(1000, reason), []
    with pytest.raises(ClientError):
        do(client, delays)
    assert client.calls == ATTEMPTS
    assert sum(delays) < 6


@pytest.mark.parametrize("do", [transact, write])
def test_what_does_not_pass_is_not_waited_for(
    do: Callable[[ConflictingClient, list[float]], None],
) -> None:
    client = ConflictingClient(1000, "Validation")
    with pytest.raises(ClientError):
        do(client, [])
    assert client.calls == 1


class BatchClient:
    """Answers for so many of the rows that it is asked for at a time."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self.calls = 0

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:
        self.calls += 1
        keys = RequestItems["state"]["Keys"]
        left = {"state": {"Keys": keys[self.at_once :]}} if keys[self.at_once :] else {}
        return {"Responses": {"state": keys[: self.at_once]}, "UnprocessedKeys": left}


KEYS = [{"pk": f"p{number}", "sk": "s"} for number in range(5)]


def test_rows_that_were_left_out_are_asked_for_again() -> None:
    client, delays = BatchClient(2), list[float]()
    assert Table(client, "state", delays.append).get_all(KEYS) == KEYS
    assert (client.calls, len(delays)) == (3, 2)


def test_rows_that_are_left_out_always_are_not_taken_for_missing() -> None:
    client, delays = BatchClient(0), list[float]()
    with pytest.raises(TimeoutError, match="5 of 5"):
        Table(client, "state", delays.append).get_all(KEYS)
    assert (client.calls, len(delays)) == (ATTEMPTS, ATTEMPTS - 1)


def test_of_no_rows_nobody_is_asked() -> None:
    client = BatchClient(0)
    assert (Table(client, "state").get_all([]), client.calls) == ([], 0)


class FilteringClient:
    """An index of so many megabytes in which a filter finds nothing until the last one."""

    def __init__(self, megabytes: int) -> None:
        self.megabytes = megabytes
        self.queries: list[dict[str, Any]] = []

    def query(self, **query: Any) -> dict[str, Any]:
        self.queries.append(query)
        number = int(query.get("ExclusiveStartKey", {"gsi1sk": {"S": "0"}})["gsi1sk"]["S"]) + 1
        key = {name: {"S": str(number)} for name in INDEX_KEY}
        if number < self.megabytes:
            return {"Items": [], "LastEvaluatedKey": key}
        return {"Items": [key]}


def test_a_filter_that_leaves_out_nearly_all_is_not_the_end_and_not_without_end() -> None:
    client, found, pages = FilteringClient(20), [], 0
    after: Any = None
    while pages == 0 or after is not None:
        rows, after = Table(client, "state").page("g", 5, after=after, where={"status": "failed"})
        found += rows
        pages += 1
        assert len(client.queries) <= MOST_READS * pages
    assert [row["gsi1sk"] for row in found] == ["20"]
    assert (len(client.queries), pages) == (20, 3)


def test_without_a_filter_no_more_is_read_than_is_shown() -> None:
    client = FilteringClient(3)
    Table(client, "state").page("g", 5)
    assert [query["Limit"] for query in client.queries] == [6, 6, 6]
    assert all("FilterExpression" not in query for query in client.queries)


VALUES = {
    "text": "a",
    "nothing": None,
    "yes": True,
    "no": False,
    "whole": 7,
    "negative": -3,
    "list": ["a", 1, None, {"deep": [True]}],
    "map": {"a": {"b": "c"}, "empty": {}},
    "bytes": b"\0\xff",
}
FLOATS = (0.1, -2.5, 1e-7, 1e22, 3.0, 0.30000000000000004)


def test_values_have_the_types_that_boto3_gives_them() -> None:
    serializer = TypeSerializer()
    assert to_attributes(VALUES) == {name: serializer.serialize(value) for name, value in VALUES.items()}
    assert from_attributes(to_attributes(VALUES)) == VALUES


@pytest.mark.parametrize("number", FLOATS)
def test_a_float_comes_back_as_it_was(number: float) -> None:
    attributes = to_attributes({"number": number})
    assert TypeDeserializer().deserialize(attributes["number"]) == Decimal(repr(number))
    assert from_attributes(attributes)["number"] == number


def test_a_value_without_a_type_is_refused() -> None:
    with pytest.raises(TypeError, match="object"):
        to_attributes({"thing": object()})
