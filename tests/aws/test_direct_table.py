"""A table without HTTP in between answers like one with it."""

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.support.mocked_aws import StateTable

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


def _answer(client: Any, operation: str, request_: dict[str, Any]) -> Any:
    """What a call gives, or the error that it ends in."""
    try:
        answer = getattr(client, operation)(**request_)
    except ClientError as error:
        answer = {**error.response, "raised": type(error).__name__}
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}
