"""AWS in this process, empty for each test: tables, buckets, secrets and a bus of our own; moto for the rest.

Most of the time of a test with moto is not moto's: each session of boto3 reads the models of its services,
clients are made, requests are written and answers parsed. So all tests of a process share one session with
one client for each service, and what is ours is called without HTTP in between.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar
from unittest.mock import patch

import boto3
from botocore.config import Config
from moto import mock_aws
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.config import DefaultConfig
from moto.stepfunctions.models import stepfunctions_backends

from character_identity.aws import session
from character_identity.aws.items import Item, from_attributes, to_attributes
from character_identity.aws.table import Table
from tests.support.direct_calls import answered_from_memory
from tests.support.quick_moto import quick_moto
from tests.support.shared_clients import SharedClients

REGION = "eu-west-1"
NOTHING = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
KEEP_SESSION: DefaultConfig = {"core": {"reset_boto3_session": False, "mock_credentials": False}}


@contextmanager
def mocked_aws() -> Iterator[None]:
    """Answer calls to AWS from memory, at first empty; it is forgotten at the end."""
    with services_in_memory(), quick_moto(), mock_aws(config=KEEP_SESSION):
        yield


@contextmanager
def services_in_memory(stored: bytes | None = None) -> Iterator[None]:
    """Answer calls to the services of our own, empty or as ``all_stored`` told, and none to others."""
    with (
        patch("boto3.DEFAULT_SESSION", _session()),
        patch.object(session, "Session", _OurSession),
        answered_from_memory(stored),
    ):
        yield


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


def create_bucket() -> Any:
    """The bucket, as ``infra/storage.py`` declares it."""
    _session().client("s3").create_bucket(Bucket="media")
    return media_bucket()


def create_state_machine(name: str) -> str:
    """The ARN of a state machine that does nothing."""
    machine = stepfunctions_backends[DEFAULT_ACCOUNT_ID][REGION].create_state_machine(
        name, json.dumps(NOTHING), f"arn:aws:iam::{DEFAULT_ACCOUNT_ID}:role/machine"
    )
    return str(machine.arn)


class _OurSession(session.Session):
    """Our own session, whose clients and credentials are those of all."""

    made: ClassVar[dict[str, Any]] = {}

    def __init__(self) -> None:
        self.botocore = _session()._session

    def client(self, service: str, **options: Any) -> Any:
        asked = f"{service} {options}"
        if asked not in self.made:
            given = {"config": Config(**options)} if options else {}
            self.made[asked] = _session().client(service, **given)
        return self.made[asked]


@cache
def media_bucket() -> Any:
    """The bucket that was created."""
    return _session().resource("s3").Bucket("media")


@cache
def _session() -> SharedClients:
    """Make a session that knows moto, as every one does that is made after moto was imported."""
    return SharedClients()
