from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from character_identity.aws.media_bucket import MediaBucket
from character_identity.domain.errors import InvalidRequest, NotFound
from character_identity.observability import log_keys


@pytest.fixture
def client(aws: None) -> Any:
    client = boto3.client("s3", config=Config(signature_version="s3v4"))
    client.create_bucket(Bucket="media", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    return client


@pytest.fixture
def bucket(client: Any) -> MediaBucket:
    return MediaBucket(client, "media", signed=lambda url: url)


def test_what_was_written_is_read_with_its_type(bucket: MediaBucket, client: Any, tmp_path: Path) -> None:
    bucket.write("a/1", b"one", "image/jpeg")
    (tmp_path / "two").write_bytes(b"two")
    bucket.write_file("a/2", tmp_path / "two", "application/octet-stream")
    assert (bucket.read("a/1", 3), bucket.read("a/2", 3)) == (b"one", b"two")
    assert client.head_object(Bucket="media", Key="a/1")["ContentType"] == "image/jpeg"


def test_an_object_says_which_request_job_and_provider_it_was_stored_for(
    bucket: MediaBucket, tmp_path: Path
) -> None:
    (tmp_path / "two").write_bytes(b"two")
    job = {"correlation_id": "JKJaXmPLvHcESHA=", "job_id": "generation-g1", "provider": "astria"}
    with log_keys(**job, request_id="r", route="GET /"):
        bucket.write("a/1", b"one", "image/jpeg")
        bucket.write_file("a/2", tmp_path / "two", "application/octet-stream")
    bucket.write("a/3", b"three", "image/jpeg")
    assert bucket.read_with_origin("a/1", 3) == (b"one", job)
    assert bucket.read_with_origin("a/2", 3) == (b"two", job)
    assert bucket.read_with_origin("a/3", 5) == (b"three", {})


def test_an_object_over_the_limit_is_not_read(bucket: MediaBucket) -> None:
    bucket.write("a", b"four", "text/plain")
    with pytest.raises(InvalidRequest) as caught:
        bucket.read("a", 3)
    assert caught.value.code == "file_too_large"


def test_an_unknown_object(bucket: MediaBucket) -> None:
    with pytest.raises(NotFound):
        bucket.read("a", 3)


def test_listing_goes_by_prefix_in_order(bucket: MediaBucket) -> None:
    for key in ("r/i1/2", "r/i1/1", "r/i2/1"):
        bucket.write(key, b"x", "image/jpeg")
    assert bucket.list_keys("r/i1/") == ["r/i1/1", "r/i1/2"]


def test_a_ticket_is_for_one_key_and_type(bucket: MediaBucket) -> None:
    ticket = bucket.upload_ticket("uploads/x.jpg", "image/jpeg", 100)
    assert (ticket.fields["key"], ticket.fields["Content-Type"]) == ("uploads/x.jpg", "image/jpeg")
    assert "policy" in ticket.fields
