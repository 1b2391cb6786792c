"""What is let through without botocore's validation is what that finds nothing wrong with."""

import io
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.validate import ParamValidator

from tests.support.quick_validation import check_of

KEY = {"pk": {"S": "a"}}
READ = {"TableName": "state", "Key": KEY}
OBJECT = {"Bucket": "media", "Key": "a"}


def _item(**values: Any) -> dict[str, Any]:
    return {"TableName": "state", "Item": {**KEY, **values}}


FITTING: list[tuple[str, str, dict[str, Any]]] = [
    ("dynamodb", "GetItem", READ),
    ("dynamodb", "PutItem", _item(deep={"M": {"l": {"L": [{"BOOL": True}, {"NULL": True}, {"B": b"b"}]}}})),
    ("dynamodb", "Query", {"TableName": "state", "Limit": 1, "ScanIndexForward": False}),
    ("dynamodb", "BatchGetItem", {"RequestItems": {"state": {"Keys": [KEY]}}}),
    ("s3", "PutObject", {**OBJECT, "Body": b"bytes", "Metadata": {"name": "value"}}),
    ("secretsmanager", "CreateSecret", {"Name": "fal", "SecretString": "key"}),
    ("events", "PutEvents", {"Entries": [{"Detail": "{}"}]}),
]
UNDECIDED: list[tuple[str, str, dict[str, Any]]] = [
    ("s3", "PutObject", {**OBJECT, "Body": io.BytesIO()}),
    ("events", "PutEvents", {"Entries": ({"Time": datetime(2026, 11, 29, tzinfo=UTC)},)}),
]
UNFIT: list[tuple[str, str, dict[str, Any]]] = [
    ("dynamodb", "GetItem", {"TableName": "state"}),
    ("dynamodb", "GetItem", {**READ, "Keys": KEY}),
    ("dynamodb", "GetItem", {**READ, "TableName": None}),
    ("dynamodb", "GetItem", {**READ, "Key": "a"}),
    ("dynamodb", "GetItem", {**READ, "Key": {1: {"S": "a"}}}),
    ("dynamodb", "GetItem", {**READ, "ConsistentRead": 1}),
    ("dynamodb", "PutItem", _item(plain="a")),
    ("dynamodb", "PutItem", _item(number={"N": 1})),
    ("dynamodb", "PutItem", _item(deep={"M": {"l": {"L": [{"S": 1}]}}})),
    ("dynamodb", "PutItem", _item(deep={"L": {"S": "a"}})),
    ("dynamodb", "PutItem", _item(letters={"SS": ["a", 1]})),
    ("dynamodb", "Query", {"TableName": "state", "Limit": 0}),
    ("dynamodb", "Query", {"TableName": "state", "Limit": "1"}),
    ("dynamodb", "TransactWriteItems", {"TransactItems": []}),
    ("dynamodb", "BatchGetItem", {"RequestItems": {"": {"Keys": [KEY]}}}),
    ("s3", "PutObject", {**OBJECT, "Body": 1}),
    ("s3", "PutObject", {**OBJECT, "Key": ""}),
    ("secretsmanager", "CreateSecret", {"Name": ""}),
    ("events", "PutEvents", {"Entries": []}),
]


@pytest.mark.parametrize(
    ("calls", "fits", "is_right"),
    [(FITTING, True, True), (UNDECIDED, False, True), (UNFIT, False, False)],
    ids=["fitting", "undecided", "unfit"],
)
def test_only_what_is_right_fits(
    aws: None, calls: list[tuple[str, str, Any]], fits: bool, is_right: bool
) -> None:
    for service, operation, asked in calls:
        shape = boto3.client(service).meta.service_model.operation_model(operation).input_shape
        assert check_of(shape)(asked) is fits, (operation, asked)
        assert ParamValidator().validate(asked, shape).has_errors() is not is_right, (operation, asked)
