import json
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import pytest
from PIL import Image

from character_identity import wiring
from character_identity.domain.errors import InvalidRequest
from character_identity.domain.score import Score
from functions.score_image import handler
from local.photographs import CHELSEA, EILEEN
from tests.support.builders import an_identity
from tests.support.mocked_aws import mocked_aws

IMAGE = "generations/eileen/portrait/00.jpg"


@dataclass
class Context:
    function_name: str = "score_image"
    memory_limit_in_mb: str = "3008"
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:000000000000:function:score_image"
    aws_request_id: str = "1"


def object_created(key: str) -> dict[str, Any]:
    """What EventBridge sends; https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html."""
    return {
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": "Object Created",
        "source": "aws.s3",
        "account": "000000000000",
        "time": "2026-11-22T12:00:00Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:s3:::media"],
        "detail": {
            "version": "0",
            "bucket": {"name": "media"},
            "object": {"key": key, "size": 5, "etag": "b1946ac92492d2347c6235b4d2611184"},
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "000000000000",
            "reason": "PutObject",
        },
    }


def jpeg(colour: str) -> bytes:
    file = BytesIO()
    Image.new("RGB", (64, 64), colour).save(file, "JPEG")
    return file.getvalue()


@pytest.fixture
def bucket(tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The function's world, with a generated picture and two references; returns the bucket."""
    monkeypatch.setattr(handler, "WEIGHTS", tiny_encoder)
    monkeypatch.setenv("TABLE_NAME", "identities")
    monkeypatch.setenv("BUCKET_NAME", "media")
    handler._encoder.cache_clear()
    with mocked_aws():
        table = boto3.resource("dynamodb").create_table(
            TableName="identities",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")],
        )
        references = [f"references/eileen/{name}.jpg" for name in ("00", "01")]
        identity = an_identity(identity_id="eileen", references=references).model_dump(mode="json")
        table.put_item(Item={"pk": "IDENTITY#eileen", "sk": "IDENTITY", **identity})
        bucket = boto3.resource("s3").create_bucket(
            Bucket="media", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        bucket.put_object(Key=IMAGE, Body=jpeg("orange"))
        bucket.put_object(Key="references/eileen/00.jpg", Body=jpeg("orange"))
        bucket.put_object(Key="references/eileen/01.jpg", Body=jpeg("navy"))
        yield bucket
    handler._encoder.cache_clear()


def handle(event: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = handler.lambda_handler(event, Context())
    return result


def stored() -> dict[int, list[Score]]:
    return wiring.services().scores.scores_of("portrait")


def test_a_stored_image_is_scored(bucket: Any) -> None:
    result = handle(object_created(IMAGE))

    [[score]] = stored().values()
    assert dict(score.per_reference)["references/eileen/00.jpg"] == 1
    assert dict(score.per_reference)["references/eileen/01.jpg"] < 1
    assert result == {
        "key": IMAGE,
        "outcome": "scored",
        "encoder": "tiny",
        "mean": score.mean,
        "best": 1,
    }


def test_a_second_event_changes_nothing(bucket: Any) -> None:
    first = handle(object_created(IMAGE))
    scores = stored()

    assert handle(object_created(IMAGE)) == first
    assert stored() == scores


def test_a_task_is_scored_like_an_event(bucket: Any) -> None:
    assert handle({"key": IMAGE}) == handle(object_created(IMAGE))


@pytest.mark.parametrize(
    ("content", "code"), [(b"<html>", "unreadable_image"), (jpeg("black"), "black_image")]
)
def test_an_image_that_cannot_be_scored_says_why(bucket: Any, content: bytes, code: str) -> None:
    bucket.put_object(Key=IMAGE, Body=content)

    assert handle(object_created(IMAGE)) == {"key": IMAGE, "outcome": "refused", "code": code}
    assert stored() == {}


def test_an_event_after_the_identity_was_erased_leaves_nothing(bucket: Any) -> None:
    bucket.objects.filter(Prefix="references/").delete()

    assert handle(object_created(IMAGE)) == {"key": IMAGE, "outcome": "gone"}
    assert stored() == {}


def test_the_log_has_the_key_but_not_the_event(bucket: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    event = object_created(IMAGE)
    handle(event)

    [record] = [record for record in caplog.records if record.name == handler.logger.name]
    assert vars(record)["key"] == IMAGE
    assert event["detail"]["request-id"] not in str(vars(record))


def shown(*images: bytes) -> dict[str, Any]:
    return {"analyze": [b64encode(image).decode() for image in images]}


def test_images_are_looked_at_and_nothing_is_stored(bucket: Any) -> None:
    portrait, cat = EILEEN.path.read_bytes(), CHELSEA.path.read_bytes()

    answer = handle(shown(portrait, cat, portrait))

    assert json.loads(json.dumps(answer)) == answer
    assert answer["analyses"] == [{"faces": 1}, {"faces": 0}, {"faces": 1}]
    assert answer["encoder"] == "tiny"
    first, second, third = answer["similarities"]
    assert first == third == pytest.approx([1, second[0], 1])
    assert second[0] == second[2] < 0.999
    assert boto3.resource("dynamodb").Table("identities").scan()["Count"] == 1  # the identity


def test_looking_needs_neither_table_nor_bucket(tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(handler, "WEIGHTS", tiny_encoder)
    handler._encoder.cache_clear()
    answer = handle(shown(jpeg("orange")))
    handler._encoder.cache_clear()

    assert answer["similarities"] == [[pytest.approx(1)]]


def test_an_image_that_cannot_be_looked_at_fails_the_call(bucket: Any) -> None:
    with pytest.raises(InvalidRequest):
        handle(shown(jpeg("orange"), b"<html>"))
