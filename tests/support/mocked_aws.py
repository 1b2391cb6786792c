"""AWS in this process: moto, empty for each test.

Most of the time of a test with moto is not moto's: each session of boto3 reads the models of its services,
clients are made, requests are written and answers parsed. So all tests of a process share one session with
one client for each service, and its tables are called without HTTP in between.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any
from unittest.mock import patch

import boto3
from botocore.config import Config
from moto import mock_aws
from moto.core.config import DefaultConfig

from tests.support.direct_table import answer

KEEP_SESSION: DefaultConfig = {"core": {"reset_boto3_session": False, "mock_credentials": False}}


@contextmanager
def mocked_aws() -> Iterator[None]:
    """Answer calls to AWS from memory; what was stored is forgotten at the end."""
    with patch("boto3.DEFAULT_SESSION", _session()), mock_aws(config=KEEP_SESSION):
        yield


def create_table() -> Any:
    """The table as ``infra/storage.py`` declares it."""
    return boto3.resource("dynamodb").create_table(
        TableName="state",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        AttributeDefinitions=[
            {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "listing", "created_at")
        ],
        GlobalSecondaryIndexes=[
            {
                "IndexName": "by_owner",
                "KeySchema": [
                    {"AttributeName": "listing", "KeyType": "HASH"},
                    {"AttributeName": "created_at", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "ALL"},
            }
        ],
    )


class _SharedClients(boto3.session.Session):  # type: ignore[misc]
    """Makes a client once for each service and its options."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[Any, Any] = {}

    def client(self, service_name: str, *values: Any, **options: Any) -> Any:
        key = service_name, values, *sorted((name, _plain(value)) for name, value in options.items())
        if key not in self._made:
            self._made[key] = super().client(service_name, *values, **options)
        return self._made[key]


@cache
def _session() -> boto3.session.Session:
    """Make a session that knows moto, as every one does that is made after moto was imported."""
    session = _SharedClients()
    session.events.register("before-call.dynamodb", answer)
    return session


def _plain(option: Any) -> str:
    return repr(sorted(vars(option).items()) if isinstance(option, Config) else option)
