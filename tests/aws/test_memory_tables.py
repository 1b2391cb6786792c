"""The tables of the tests answer as moto's do, asked through the whole of botocore."""

import itertools
import random
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from moto import mock_aws

from tests.support.expressions import Unknown
from tests.support.mocked_aws import create_table, mocked_aws

UNASKED = {"ResponseMetadata", "ConsumedCapacity", "ItemCollectionMetrics"}
Call = tuple[str, dict[str, Any]]

KEY = {"pk": {"S": "p"}, "sk": {"S": "s"}}
OTHER, NEW = {**KEY, "sk": {"S": "other"}}, {**KEY, "sk": {"S": "new"}}
ROW = {**KEY, "n": {"N": "1"}, "x": {"S": "b"}, "o": {"NULL": True}, "l": {"L": [{"BOOL": True}, {"M": {}}]}}
VALUES = {
    "text": {"S": "b"},
    "later": {"S": "c"},
    "other_case": {"S": "B"},
    "abroad": {"S": "\u00e9"},
    "number": {"N": "1"},
    "same": {"N": "1.0"},
    "more": {"N": "10"},
    "less": {"N": "-2.5"},
    "null": {"NULL": True},
    "kind": {"S": "NULL"},
    "list": ROW["l"],
    "bytes": {"B": b"\x00\xff"},
}
TEXTS, NUMBERS = ("text", "later", "other_case", "abroad"), ("number", "same", "more", "less")
SIGNS = ("<", "<=", ">", ">=")
CONDITIONS = [
    *(f"{name} {sign} :{value}" for name in ("x", "n", "o", "l") for sign in ("=", "<>") for value in VALUES),
    *(f"gone {sign} :text" for sign in ("=", "<>")),
    *(f"{name} {sign} :{value}" for name in ("x", "gone") for sign in SIGNS for value in TEXTS),
    *(f"{name} {sign} :{value}" for name in ("n", "gone") for sign in SIGNS for value in NUMBERS),
    *(f"x BETWEEN :{low} AND :{high}" for low, high in itertools.permutations(TEXTS, 2)),
    *(f"n BETWEEN :{low} AND :{high}" for low, high in itertools.permutations(NUMBERS, 2)),
    *(f"{name} IN (:later, :number, :null)" for name in ("x", "n", "o")),
    "gone IN (:later, :number)",
    *(f"attribute_type({name}, :kind)" for name in ("x", "o", "gone")),
    *(f"begins_with({name}, :text)" for name in ("x", "n", "gone")),
    *(
        f"{function}({name})"
        for function in ("attribute_exists", "attribute_not_exists")
        for name in ("o", "gone")
    ),
    "n = :number AND x = :later OR x = :text",
    "n = :number AND (x = :later OR x = :text)",
    "(n = :more OR x = :later) AND x = :text",
    "n = :more AND x = :later OR attribute_not_exists(gone) AND o = :null",
    "#name = :text AND attribute_exists(#name)",
]
CHANGES = [
    "SET x = :later",
    "SET x = :later, m = :list, b = :bytes",
    "SET #name = :null REMOVE n, gone",
    "REMOVE x",
    "ADD n :more",
    "ADD n :less, gone :number",
    "SET x = :later ADD n :more REMOVE o",
    "SET x = :later, gsi1pk = :text, gsi1sk = :later",
]
REFUSED_CHANGES = [
    "ADD x :number",
    "ADD n :text",
    "SET pk = :text",
    "SET comment = :text",
    "SET gsi1sk = :null",
    "SET x = :missing",
]
REFUSED_KEYS = [{"pk": {"S": "p"}, "sk": {"S": ""}}, {"pk": {"S": "p"}}]


def _asked(expression: str, kind: str, **more: Any) -> dict[str, Any]:
    """Parts of a request with an expression, with the names and values that it asks for."""
    names = {"ExpressionAttributeNames": {"#name": "x"}} if "#name" in expression else {}
    values = {f":{name}": value for name, value in VALUES.items() if f":{name}" in _words(expression)}
    given = {"ExpressionAttributeValues": values} if values else {}
    return {kind: expression, **names, **given, **more}


def _words(expression: str) -> list[str]:
    return expression.replace(",", " ").replace(")", " ").replace("(", " ").split()


def _conditions() -> Iterator[Call]:
    yield "put_item", {"TableName": "state", "Item": ROW}
    for condition in CONDITIONS:
        asked = _asked(condition, "ConditionExpression", TableName="state")
        yield "put_item", {**asked, "Item": ROW, "ReturnValuesOnConditionCheckFailure": "ALL_OLD"}
        if ":null" not in condition:  # moto takes it for what is not there
            yield "delete_item", {**asked, "Key": OTHER}


def _changes() -> Iterator[Call]:
    there = {"TableName": "state", "Key": OTHER, "ConditionExpression": "attribute_exists(pk)"}
    for change, row in itertools.product(CHANGES, (ROW, None)):
        asked = _asked(change, "UpdateExpression", TableName="state", Key=KEY)
        writes: list[Any] = [{"Update": asked}, {"Put": {"TableName": "state", "Item": NEW}}]
        for wanted in ("NONE", "ALL_OLD", "ALL_NEW", *(("UPDATED_NEW",) if row else ())):
            yield "delete_item", {"TableName": "state", "Key": KEY}
            if row is not None:
                yield "put_item", {"TableName": "state", "Item": row}
            yield "update_item", {**asked, "ReturnValues": wanted}
            yield "scan", {"TableName": "state"}
        for item in (OTHER, NEW):
            yield "delete_item", {"TableName": "state", "Key": item}
        yield "transact_write_items", {"TransactItems": [*writes, {"ConditionCheck": there}]}
        yield "put_item", {"TableName": "state", "Item": OTHER}
        yield "transact_write_items", {"TransactItems": [*writes, {"ConditionCheck": there}]}
        yield "scan", {"TableName": "state"}
        yield (
            "transact_write_items",
            {"TransactItems": [{"Delete": there}, {"Delete": {**there, "Key": NEW}}]},
        )
        yield "scan", {"TableName": "state"}
        yield "scan", {"TableName": "state", "IndexName": "gsi1"}


def _reads() -> Iterator[Call]:
    """Rows of two partitions, in an order of chance, some of them in the index; pages of each size."""
    numbers = list(range(24))
    random.Random(7).shuffle(numbers)
    rows = []
    for number in numbers:
        row = {"pk": {"S": f"p{number % 2}"}, "sk": {"S": f"{number:02}"}, "x": {"S": f"{number % 3}"}}
        if number % 4:
            row |= {"gsi1pk": {"S": "i"}, "gsi1sk": {"S": f"at {number // 3}"}}
        rows.append({"PutRequest": {"Item": row}})
    yield "batch_write_item", {"RequestItems": {"state": rows}}
    keys = [{"pk": {"S": "p0"}, "sk": {"S": f"{number:02}"}} for number in range(0, 40, 4)]
    yield "batch_get_item", {"RequestItems": {"state": {"Keys": keys}}}
    yield "get_item", {"TableName": "state", "Key": keys[0], "ConsistentRead": True}
    yield "get_item", {"TableName": "state", "Key": keys[-1]}
    bounds = {":from": {"S": "04"}, ":to": {"S": "16"}, ":one": {"S": "1"}, ":at": {"S": "at 5"}}
    bounds |= {":p": {"S": "p0"}, ":i": {"S": "i"}}
    for condition in (
        "pk = :p",
        "pk = :p AND begins_with(sk, :one)",
        "pk = :p AND sk BETWEEN :from AND :to",
        "gsi1pk = :i",
        "gsi1pk = :i AND gsi1sk <= :at",
        "gsi1pk = :i AND gsi1sk >= :at",
    ):
        given = {name: value for name, value in bounds.items() if name in _words(condition)}
        index = {"IndexName": "gsi1"} if condition.startswith("gsi1") else {}
        query = {"TableName": "state", "KeyConditionExpression": condition, **index}
        for limit, forward in itertools.product(({}, {"Limit": 1}, {"Limit": 5}), (True, False)):
            more = {**limit, "ScanIndexForward": forward}
            yield "query", {**query, **more, "ExpressionAttributeValues": given}
            where = {"FilterExpression": "#name = :one", "ExpressionAttributeNames": {"#name": "x"}}
            yield (
                "query",
                {**query, **more, **where, "ExpressionAttributeValues": {**given, ":one": {"S": "1"}}},
            )
        yield "query", {**query, "ProjectionExpression": "sk, x", "ExpressionAttributeValues": given}
    yield "scan", {"TableName": "state"}
    yield "scan", {"TableName": "state", "IndexName": "gsi1"}
    yield "query", {**query, "ConsistentRead": True, "ExpressionAttributeValues": given}


def _refused() -> Iterator[Call]:
    there = {"TableName": "another", "Key": KEY}
    yield "get_item", there
    yield "put_item", {"TableName": "another", "Item": ROW}
    yield "put_item", {"TableName": "state", "Item": {**ROW, "text": {"S": "x" * 420_000}}}
    yield "put_item", {"TableName": "state", "Item": ROW}
    for change in REFUSED_CHANGES:
        yield "update_item", _asked(change, "UpdateExpression", TableName="state", Key=KEY)
        yield "scan", {"TableName": "state"}
    for key in REFUSED_KEYS:
        yield "put_item", {"TableName": "state", "Item": key}
        yield "get_item", {"TableName": "state", "Key": key}
    yield "put_item", {"TableName": "state", "Item": {**ROW, "gsi1pk": {"NULL": True}}}
    unused = {"ExpressionAttributeValues": {":text": {"S": "b"}, ":unused": {"S": "c"}}}
    yield "update_item", {**_asked("SET x = :text", "UpdateExpression", TableName="state", Key=KEY), **unused}
    asked = _asked("SET x = :text", "UpdateExpression", TableName="state", Key=KEY)
    yield "update_item", {**asked, "ExpressionAttributeValues": {":text": {"S": "x" * 420_000}}}
    yield "get_item", {"TableName": "state", "Key": {**KEY, "sk": {"N": 1}}}
    yield "get_item", {"TableName": "state"}
    twice = {"Put": {"TableName": "state", "Item": ROW}}
    yield "transact_write_items", {"TransactItems": [twice, twice]}
    many = [{"Put": {"TableName": "state", "Item": {**KEY, "sk": {"S": f"{each}"}}}} for each in range(101)]
    yield "transact_write_items", {"TransactItems": many}


@pytest.mark.parametrize("calls", [_conditions, _changes, _reads, _refused], ids=lambda calls: calls.__name__)
def test_they_answer_alike(calls: Any) -> None:
    with mock_aws():
        create_table()
        expected = list(_told(boto3.session.Session().client("dynamodb"), calls()))
    with mocked_aws():
        create_table()
        told = list(_told(boto3.client("dynamodb"), calls()))
    for call, ours, theirs in zip(calls(), told, expected, strict=True):
        assert ours == theirs, call


def _told(client: Any, calls: Iterator[Call]) -> Iterator[Any]:
    """What each call gives, the rows of all its pages, or the error that it ends in."""
    for operation, request in calls:
        try:
            answer = getattr(client, operation)(**request)
            pages = [answer.get("Items")]
            while "LastEvaluatedKey" in answer:
                answer = getattr(client, operation)(**request, ExclusiveStartKey=answer["LastEvaluatedKey"])
                if answer["ScannedCount"]:  # moto says at times that there is more where there is nothing
                    pages.append(answer["Items"])
        except ClientError as error:
            code = error.response["Error"]["Code"]
            yield {**_known(error.response), "Error": code, "raised": type(error).__name__}
        except ParamValidationError as error:
            yield str(error)
        else:
            yield pages if "Items" in answer else _known(answer)


def _known(answer: dict[str, Any]) -> dict[str, Any]:
    """Leave out what nobody asked for, which moto adds to some answers."""
    return {name: value for name, value in answer.items() if name not in UNASKED}


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("update_item", {"Key": KEY, **_asked("SET n = n + :number", "UpdateExpression")}),
        ("update_item", {"Key": KEY, **_asked("DELETE x :text", "UpdateExpression")}),
        ("update_item", {"Key": KEY, **_asked("SET l[0] = :text", "UpdateExpression")}),
        ("update_item", {"Key": KEY, "UpdateExpression": "SET"}),
        ("put_item", {"Item": ROW, **_asked("size(x) > :number", "ConditionExpression")}),
        ("put_item", {"Item": ROW, **_asked("NOT x = :text", "ConditionExpression")}),
        ("put_item", {"Item": ROW, **_asked("x = :text AND", "ConditionExpression")}),
        ("query", _asked("sk = :text", "KeyConditionExpression")),
        ("scan", {"Select": "COUNT"}),
        ("describe_table", {}),
    ],
)
def test_what_they_do_not_know_is_an_error(operation: str, request_: dict[str, Any]) -> None:
    with mocked_aws():
        client = create_table().client
        client.put_item(TableName="state", Item=ROW)
        with pytest.raises((Unknown, AssertionError)):
            getattr(client, operation)(TableName="state", **request_)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("x < :number", False),
        ("x > :number", False),
        ("n < :text", False),
        ("o <= :null", False),
        ("gone = :null", False),
        ("gone <> :null", True),
    ],
)
def test_values_of_two_types_have_no_order_and_what_is_not_there_is_not_null(
    condition: str, holds: bool
) -> None:
    """As https://docs.aws.amazon.com/amazondynamodb has it; moto fails here, or takes one for the other."""
    with mocked_aws():
        table = create_table()
        table.client.put_item(TableName="state", Item=ROW)
        asked = _asked(condition, "ConditionExpression", Key=KEY)
        assert table.write({"Delete": asked}) is holds
