"""The bus of the tests answers as moto's does, asked through the whole of botocore."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.support.mocked_aws import mocked_aws

GOOD = {"Source": "us", "DetailType": "IdentityReady", "Detail": '{"id": "e1"}'}
CALLS: list[list[dict[str, Any]]] = [
    [GOOD],
    [GOOD, {**GOOD, "Detail": "{"}, GOOD],
    *([{key: value for key, value in GOOD.items() if key != left_out}] for left_out in GOOD),
    [GOOD] * 11,
]


def test_it_answers_alike() -> None:
    with mock_aws():
        expected = list(_told(boto3.session.Session().client("events")))
    with mocked_aws():
        assert list(_told(boto3.client("events"))) == expected


def _told(client: Any) -> Iterator[Any]:
    """What each call gives, whatever the ids are, or the error that it ends in."""
    for entries in CALLS:
        try:
            answer = client.put_events(Entries=entries)
        except ClientError as error:
            yield error.response["Error"]["Code"], type(error).__name__
        else:
            results = [{**each, "EventId": "EventId" in each} for each in answer["Entries"]]
            yield answer["FailedEntryCount"], results


def test_what_it_does_not_know_is_an_error(aws: None) -> None:
    with pytest.raises(AssertionError, match="not known here"):
        boto3.client("events").put_events(Entries=[{**GOOD, "EventBusName": "another"}])
