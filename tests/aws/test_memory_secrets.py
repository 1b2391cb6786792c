"""The secrets of the tests answer as moto's do, asked through the whole of botocore."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.support.mocked_aws import mocked_aws

COMPARED = {"Name", "SecretString", "VersionStages"}
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("get_secret_value", {"SecretId": "fal"}),
    ("put_secret_value", {"SecretId": "fal", "SecretString": "new"}),
    ("create_secret", {"Name": "fal", "SecretString": "old\n"}),
    ("create_secret", {"Name": "fal", "SecretString": "again"}),
    ("get_secret_value", {"SecretId": "fal"}),
    ("put_secret_value", {"SecretId": "fal", "SecretString": "new"}),
    ("get_secret_value", {"SecretId": "fal"}),
    ("get_secret_value", {"SecretId": "FAL"}),
]


def test_they_answer_alike() -> None:
    with mock_aws():
        expected = list(_told(boto3.session.Session().client("secretsmanager")))
    with mocked_aws():
        assert list(_told(boto3.client("secretsmanager"))) == expected


def _told(client: Any) -> Iterator[Any]:
    """What each call gives, or the error that it ends in."""
    for operation, request in CALLS:
        try:
            answer = getattr(client, operation)(**request)
        except ClientError as error:
            yield error.response["Error"]["Code"], type(error).__name__
        else:
            yield {name: value for name, value in answer.items() if name in COMPARED}


def test_what_they_do_not_know_is_an_error(aws: None) -> None:
    with pytest.raises(AssertionError, match="not known here"):
        boto3.client("secretsmanager").describe_secret(SecretId="fal")
