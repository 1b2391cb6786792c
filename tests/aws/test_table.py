"""The table: values in and out, and how conflicts between transactions are waited for."""

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from character_identity.aws.items import from_attributes, to_attributes
from character_identity.aws.table import ATTEMPTS, Table


class ConflictingClient:
    """Another transaction is on the same items, so many times."""

    def __init__(self, conflicts: int) -> None:
        self.conflicts = conflicts
        self.calls = 0

    def transact_write_items(self, TransactItems: list[Any]) -> None:
        self.calls += 1
        if self.calls <= self.conflicts:
            reasons = [{"Code": "None"}, {"Code": "TransactionConflict"}]
            raise ClientError(
                {"Error": {"Code": "TransactionCanceledException"}, "CancellationReasons": reasons},
                "TransactWriteItems",
            )


def test_a_conflict_is_waited_for() -> None:
    client, delays = ConflictingClient(3), list[float]()
    Table(client, "state").transact([{"Put": {}}], delays.append)
    assert (client.calls, len(delays)) == (4, 3)


def test_a_conflict_is_not_waited_for_for_ever() -> None:
    client, delays = ConflictingClient(1000), list[float]()
    with pytest.raises(ClientError):
        Table(client, "state").transact([{"Put": {}}], delays.append)
    assert client.calls == ATTEMPTS
    assert sum(delays) < 6


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
