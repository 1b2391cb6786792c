"""A table of a moto that loses no time, without HTTP in between, answers like one of moto as it is."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.support.mocked_aws import StateTable, create_table, mocked_aws

KEY = {"pk": {"S": "p"}, "sk": {"S": "s"}}
ITEM = {**KEY, "n": {"N": "1"}, "l": {"L": [{"BOOL": True}, {"NULL": True}]}}
ONCE = {"TableName": "state", "Item": ITEM, "ConditionExpression": "attribute_not_exists(pk)"}


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("get_item", {"TableName": "state", "Key": KEY}),
        ("get_item", {"TableName": "state", "Key": {**KEY, "sk": {"S": "other"}}}),
        ("put_item", ONCE),
        ("put_item", {**ONCE, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}),
        ("transact_write_items", {"TransactItems": [{"Put": ONCE}]}),
        (
            "update_item",
            {
                "TableName": "state",
                "Key": KEY,
                "UpdateExpression": "SET n = n + :one",
                "ExpressionAttributeValues": {":one": {"N": "1"}},
                "ReturnValues": "ALL_OLD",
            },
        ),
        (
            "query",
            {
                "TableName": "state",
                "KeyConditionExpression": "pk = :p",
                "ExpressionAttributeValues": {":p": {"S": "p"}},
            },
        ),
        ("get_item", {"TableName": "another", "Key": KEY}),
        ("update_item", {"TableName": "state", "Key": KEY, "UpdateExpression": "SET"}),
    ],
)
def test_it_answers_alike(table: StateTable, operation: str, request_: dict[str, Any]) -> None:
    with_http = boto3.session.Session().client("dynamodb")
    answers = []
    for client in (with_http, boto3.client("dynamodb")):
        table.put(pk="p", sk="s", n=1, l=[True, None])
        answers.append(_answer(client, operation, request_))
    assert answers[0] == answers[1]


CHANGES: list[tuple[str, dict[str, Any]]] = [
    ("SET m.a.b = :v", {"S": "new"}),
    ("SET l[0] = :v REMOVE l[1], gone", {"S": "new"}),
    ("SET l = list_append(l, :v)", {"L": [{"S": "last"}]}),
    ("SET n = n + :v, first = if_not_exists(first, :v)", {"N": "1"}),
    ("ADD n :v", {"N": "2"}),
    ("ADD tags :v", {"SS": ["b"]}),
    ("DELETE tags :v", {"SS": ["a"]}),
    ("SET pk = :v", {"S": "new"}),
    ("SET n = n + :v", {"S": "no number"}),
]
"""Of what a row holds; the last two are refused."""


def test_changes_and_what_is_refused_of_them_leave_the_same_rows() -> None:
    with mock_aws():
        expected = _told()
    with mocked_aws():
        assert _told() == expected


def _told() -> list[Any]:
    """What calls answer that change a row, alone and in refused transactions, and all rows after each."""
    create_table()
    client, told = boto3.client("dynamodb"), []

    def ask(operation: str, **request: Any) -> None:
        told.append(_answer(client, operation, request))
        told.append(client.scan(TableName="state")["Items"])

    row = {**ITEM, "m": {"M": {"a": {"M": {"b": {"S": "old"}}}}}, "tags": {"SS": ["a"]}}
    other, new = {**KEY, "sk": {"S": "other"}}, {**KEY, "sk": {"S": "new"}}
    there = {"TableName": "state", "Key": other, "ConditionExpression": "attribute_exists(pk)"}
    for expression, value in CHANGES:
        change = {
            "TableName": "state",
            "Key": KEY,
            "UpdateExpression": expression,
            "ExpressionAttributeValues": {":v": value},
        }
        writes = [
            {"Update": change},
            {"Put": {"TableName": "state", "Item": new}},
            {"ConditionCheck": there},
        ]
        for item in (row, KEY):
            ask("put_item", TableName="state", Item=item)
            ask("delete_item", TableName="state", Key=other)
            ask("transact_write_items", TransactItems=writes)
            ask("update_item", ReturnValues="ALL_OLD", **change)
            ask("put_item", TableName="state", Item=other)
            ask("transact_write_items", TransactItems=writes)
            ask("delete_item", TableName="state", Key=new)
        ask("delete_item", TableName="state", Key=KEY)
        ask("update_item", ReturnValues="ALL_NEW", **change)
    return told


def _answer(client: Any, operation: str, request_: dict[str, Any]) -> Any:
    """What a call gives, or the error that it ends in."""
    try:
        answer = getattr(client, operation)(**request_)
    except ClientError as error:
        answer = {**error.response, "raised": type(error).__name__}
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}
