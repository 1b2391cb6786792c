"""A table and a bucket in moto."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from character_identity.aws.items import Item, from_attributes, to_attributes
from character_identity.aws.table import Table


class StateTable(Table):
    """The table of a test, which can be looked into."""

    def __init__(self) -> None:
        self.client = boto3.client("dynamodb")
        super().__init__(self.client, "state")

    def rows(self, **more: Any) -> list[Item]:
        """All rows, of an index if one is named."""
        pages = self.client.get_paginator("scan").paginate(TableName="state", **more)
        return [from_attributes(item) for page in pages for item in page["Items"]]

    def put(self, **item: Any) -> None:
        """Write a row past the repositories."""
        self.client.put_item(TableName="state", Item=to_attributes(item))


@pytest.fixture
def aws() -> Iterator[None]:
    with mock_aws():
        yield


@pytest.fixture
def table(aws: None) -> StateTable:
    return create_table()


def create_table() -> StateTable:
    """The table as ``infra/storage.py`` declares it."""
    table = StateTable()
    table.client.create_table(
        TableName="state",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "gsi1pk", "gsi1sk")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "gsi1",
                "KeySchema": [
                    {"AttributeName": "gsi1pk", "KeyType": "HASH"},
                    {"AttributeName": "gsi1sk", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )
    return table
