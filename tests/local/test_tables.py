"""DynamoDB, as far as our stores rely on it, holds in ministack, uncorrected."""

import uuid
from decimal import Decimal
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.emulator import EmulatedAws

pytestmark = pytest.mark.processes

Item = dict[str, Any]
EXISTS: Item = {"ConditionExpression": "attribute_exists(pk)"}
IS_ONE: Item = {"ConditionExpression": "n = :one", "ExpressionAttributeValues": {":one": {"N": "1"}}}


def key(pk: str) -> Item:
    return {"pk": {"S": pk}, "sk": {"S": "-"}}


class Table:
    """A table with the keys of the service's own."""

    def __init__(self, aws: EmulatedAws) -> None:
        self.client, self.name = aws.client("dynamodb"), f"table-{uuid.uuid4().hex}"
        names = ("pk", "sk", "gsi1pk", "gsi1sk")
        self.client.create_table(
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in names],
            KeySchema=schema("pk", "sk"),
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "gsi1",
                    "KeySchema": schema("gsi1pk", "gsi1sk"),
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
        )

    def put(self, pk: str, **attributes: Item) -> None:
        self.client.put_item(TableName=self.name, Item={**key(pk), **attributes})

    def get(self, pk: str) -> Item | None:
        item: Item | None = self.client.get_item(TableName=self.name, Key=key(pk)).get("Item")
        return item

    def transact(self, *writes: tuple[str, Item], token: str | None = None) -> None:
        actions = [{action: {"TableName": self.name, **write}} for action, write in writes]
        options = {"ClientRequestToken": token} if token else {}
        self.client.transact_write_items(TransactItems=actions, **options)


def schema(partition: str, sort: str) -> list[dict[str, str]]:
    return [
        {"AttributeName": partition, "KeyType": "HASH"},
        {"AttributeName": sort, "KeyType": "RANGE"},
    ]


def add(pk: str, amount: str, most: str | None = None) -> tuple[str, Item]:
    """A write that adds to what is reserved, if that is not above ``most``."""
    update: Item = {
        "Key": key(pk),
        "UpdateExpression": "ADD reserved :amount",
        "ExpressionAttributeValues": {":amount": {"N": amount}},
    }
    if most is not None:
        update["ConditionExpression"] = "attribute_not_exists(reserved) OR reserved <= :most"
        update["ExpressionAttributeValues"][":most"] = {"N": most}
    return "Update", update


@pytest.fixture
def table(aws: EmulatedAws) -> Table:
    return Table(aws)


def test_all_writes_of_a_transaction_are_made(table: Table) -> None:
    table.put("old")
    table.put("checked", n={"N": "1"})
    table.transact(
        ("Put", {"Item": key("new"), "ConditionExpression": "attribute_not_exists(pk)"}),
        add("budget", "0.35"),
        ("Delete", {"Key": key("old")}),
        ("ConditionCheck", {"Key": key("checked"), **IS_ONE}),
    )
    assert table.get("new") == key("new")
    assert table.get("budget") == {**key("budget"), "reserved": {"N": "0.35"}}
    assert table.get("old") is None


def test_a_cancelled_transaction_writes_nothing_and_names_the_reasons(table: Table) -> None:
    table.put("taken", by={"S": "somebody"})
    for name in ("kept", "there", "wrong"):
        table.put(name)
    table.transact(add("budget", "9"))
    with pytest.raises(ClientError) as cancelled:
        table.transact(
            (
                "Put",
                {
                    "Item": key("taken"),
                    "ConditionExpression": "attribute_not_exists(pk)",
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                },
            ),
            ("Delete", {"Key": key("kept")}),
            add("budget", "2", most="8"),
            ("ConditionCheck", {"Key": key("there"), **EXISTS}),
            ("ConditionCheck", {"Key": key("wrong"), **IS_ONE}),
        )
    answer = cancelled.value.response
    assert answer["Error"]["Code"] == "TransactionCanceledException"
    failed, none = "ConditionalCheckFailed", "None"
    assert [why["Code"] for why in answer["CancellationReasons"]] == [failed, none, failed, none, failed]
    assert answer["CancellationReasons"][0]["Item"]["by"] == {"S": "somebody"}
    assert table.get("kept") is not None
    assert table.get("budget") == {**key("budget"), "reserved": {"N": "9"}}


def test_sums_are_decimal_and_come_back_to_zero(table: Table) -> None:
    for amount in ("0.1", "0.2", "-0.3", "12345678901234567890.01", "-12345678901234567890.01"):
        table.transact(add("budget", amount))
    budget = table.get("budget")
    assert budget is not None
    assert Decimal(budget["reserved"]["N"]) == 0


def test_a_repeated_token_applies_a_transaction_once(table: Table) -> None:
    for _ in range(2):
        table.transact(add("budget", "1"), token="order-1")
    assert table.get("budget") == {**key("budget"), "reserved": {"N": "1"}}


def test_two_writes_to_one_item_are_refused(table: Table) -> None:
    with pytest.raises(ClientError, match="multiple operations on one item"):
        table.transact(add("budget", "1"), ("ConditionCheck", {"Key": key("budget"), **EXISTS}))


def test_a_condition_that_fails_tells_what_is_there(table: Table) -> None:
    table.put("taken", by={"S": "somebody"})
    with pytest.raises(ClientError) as refused:
        table.client.put_item(
            TableName=table.name,
            Item=key("taken"),
            ConditionExpression="attribute_not_exists(pk)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert refused.value.response["Item"]["by"] == {"S": "somebody"}


@pytest.mark.parametrize(("forward", "order"), [(True, ["1", "2", "3"]), (False, ["3", "2", "1"])])
def test_an_index_is_read_up_to_a_time_page_by_page(table: Table, forward: bool, order: list[str]) -> None:
    for day in "43210":
        partition = "L" if day != "0" else "other"
        table.put(day, gsi1pk={"S": partition}, gsi1sk={"S": f"2026-01-0{day}T00:00:00Z"})
    table.put("unlisted", gsi1sk={"S": "2026-01-01T00:00:00Z"})
    pages = table.client.get_paginator("query").paginate(
        TableName=table.name,
        IndexName="gsi1",
        KeyConditionExpression="gsi1pk = :partition AND gsi1sk <= :now",
        ExpressionAttributeValues={":partition": {"S": "L"}, ":now": {"S": "2026-01-03T00:00:00Z"}},
        ScanIndexForward=forward,
        PaginationConfig={"PageSize": 2},
    )
    found = [[item["pk"]["S"] for item in page["Items"]] for page in pages]
    assert found == [order[:2], order[2:]]
