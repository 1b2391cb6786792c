"""The buckets of the tests answer as moto's do, asked through the whole of botocore."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.s3.transfer import S3Transfer, TransferConfig
from botocore.exceptions import ClientError, ParamValidationError
from botocore.response import StreamingBody
from moto import mock_aws

from tests.support.mocked_aws import REGION, create_bucket, mocked_aws

UNASKED = {"ResponseMetadata", "EncodingType", "LastModified", "ChecksumCRC32", "ChecksumAlgorithm"}
UNASKED |= {"Location", "Owner"}
"""Of moto's answers: what nobody reads, and the time."""
KEYS = ["a/2", "a/1", "a", "a/\u00e9 +&", "b/1", "A/1"]
Call = tuple[str, dict[str, Any]]


def _calls() -> Iterator[Call]:
    media = {"Bucket": "media"}
    yield "create_bucket", {**media, "CreateBucketConfiguration": {"LocationConstraint": REGION}}
    yield "list_objects_v2", {**media, "Prefix": "a/"}
    yield "list_objects", media
    for key in KEYS:
        yield "put_object", {**media, "Key": key, "Body": key.encode()}
    yield "put_object", {**media, "Key": "b/1", "Body": io.BytesIO(b"another"), "ContentType": "image/jpeg"}
    yield "put_object", {**media, "Key": "text", "Body": b"", "Metadata": {"Request-Id": "r"}}
    for key in (*KEYS, "text", "gone"):
        yield "get_object", {**media, "Key": key}
        yield "head_object", {**media, "Key": key}
    for prefix in ("", "a", "a/", "none"):
        yield "list_objects_v2", {**media, "Prefix": prefix}
        yield "list_objects", {**media, "Prefix": prefix}
    yield "delete_objects", {**media, "Delete": {"Objects": [{"Key": "a/1"}, {"Key": "gone"}]}}
    yield "delete_objects", {**media, "Delete": {"Objects": [{"Key": "a/2"}]}}
    yield "delete_objects", {**media, "Delete": {"Objects": []}}
    yield "list_objects_v2", {**media, "Prefix": ""}
    yield "get_object", {**media, "Key": 1}
    for operation in ("get_object", "put_object"):
        yield operation, {"Bucket": "another", "Key": "a"}
    yield "list_objects_v2", {"Bucket": "another"}


def test_they_answer_alike() -> None:
    with mock_aws():
        expected = list(_told(boto3.session.Session().client("s3")))
    with mocked_aws():
        told = list(_told(boto3.client("s3")))
    for call, ours, theirs in zip(_calls(), told, expected, strict=True):
        assert ours == theirs, call


def _told(client: Any) -> Iterator[Any]:
    """What each call gives, or the error that it ends in."""
    for operation, request in _calls():
        try:
            answer = getattr(client, operation)(**request)
        except ClientError as error:
            yield error.response["Error"]["Code"], type(error).__name__
        except ParamValidationError as error:
            yield str(error)
        else:
            yield _plain(answer)


def _plain(value: Any) -> Any:
    if isinstance(value, StreamingBody):
        return value.read()
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items() if name not in UNASKED}
    return [_plain(part) for part in value] if isinstance(value, list) else value


def test_long_lists_come_in_pages(aws: None) -> None:
    bucket, keys = create_bucket(), [f"{number:04}" for number in range(5)]
    for key in keys:
        bucket.put_object(Key=key, Body=b"")
    assert [each.key for each in bucket.objects.page_size(2)] == keys
    pages = (
        boto3.client("s3")
        .get_paginator("list_objects_v2")
        .paginate(Bucket="media", PaginationConfig={"PageSize": 2})
    )
    assert [[each["Key"] for each in page["Contents"]] for page in pages] == [keys[:2], keys[2:4], keys[4:]]


def test_a_link_is_signed_and_leads_to_the_bucket(aws: None) -> None:
    create_bucket()
    link = boto3.client("s3").generate_presigned_url("get_object", Params={"Bucket": "media", "Key": "a/1"})
    with mock_aws():
        theirs = (
            boto3.session.Session()
            .client("s3")
            .generate_presigned_url("get_object", Params={"Bucket": "media", "Key": "a/1"})
        )
    assert link.partition("?")[0] == theirs.partition("?")[0]
    assert "Signature=" in link


@pytest.mark.parametrize(
    ("operation", "request_"),
    [
        ("copy_object", {"CopySource": "media/a"}),
        ("get_object", {"Range": "bytes=0-1"}),
        ("put_object", {"Tagging": "a=b"}),
    ],
)
def test_what_they_do_not_know_is_an_error(aws: None, operation: str, request_: dict[str, Any]) -> None:
    create_bucket()
    with pytest.raises(AssertionError, match="not known here"):
        getattr(boto3.client("s3"), operation)(Bucket="media", Key="a", **request_)


def test_a_file_is_stored_whole_and_one_in_parts_is_not_known(aws: None, tmp_path: Path) -> None:
    bucket, file = create_bucket(), tmp_path / "file"
    file.write_bytes(b"0123456789" * 1000)
    client = boto3.client("s3")
    S3Transfer(client, TransferConfig(use_threads=False)).upload_file(str(file), "media", "whole")
    assert bucket.Object("whole").get()["Body"].read() == file.read_bytes()
    in_parts = TransferConfig(use_threads=False, multipart_threshold=5000)
    with pytest.raises(AssertionError, match="CreateMultipartUpload"):
        S3Transfer(client, in_parts).upload_file(str(file), "media", "parts")


def test_what_is_deleted_quietly_is_not_listed(aws: None) -> None:
    """As API_DeleteObjects has it; moto lists it all the same."""
    create_bucket().put_object(Key="a", Body=b"")
    wanted = {"Objects": [{"Key": "a"}], "Quiet": True}
    assert "Deleted" not in boto3.client("s3").delete_objects(Bucket="media", Delete=wanted)
    assert "Contents" not in boto3.client("s3").list_objects_v2(Bucket="media")
