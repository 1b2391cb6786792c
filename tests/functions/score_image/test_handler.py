from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import boto3
import pytest
from PIL import Image

from character_identity import wiring
from character_identity.aws.items import Item, to_attributes
from character_identity.domain.face import Face, NoFace
from character_identity.domain.score import EmbeddedReference, NotScored, Score
from character_identity.domain.view import EncoderVersion
from character_identity.services.encoders import Encoders
from character_identity.services.scoring import EmbeddedImage, ScoringService
from functions.score_image import handler
from infra import catalog
from tests.functions.score_image.test_preprocessing import png_header
from tests.support.builders import an_evaluation, an_identity
from tests.support.direct_calls import calls
from tests.support.handlers import queued
from tests.support.mocked_aws import mocked_aws
from tests.support.scoring_fakes import FakeFaces

IMAGE = "generations/eileen/portrait/00.jpg"
[SCORER] = [entry for entry in catalog.FUNCTIONS if entry.name == "score_image"]
TRIES = 5
"""Of a message; infra/events.py has it too."""
A_REFERENCE_S, A_SEARCH_S, A_REASON_S = 0.95, 0.6, 4.2
"""What it takes to see a reference that shows no face, to search a picture, and to say why it has none;
docs/scoring.md says of which."""


@dataclass
class Context:
    function_name: str = "score_image"
    memory_limit_in_mb: str = "3008"
    invoked_function_arn: str = "arn:aws:lambda:eu-west-1:000000000000:function:score_image"
    aws_request_id: str = "1"
    left_s: float = SCORER.timeout_s

    def get_remaining_time_in_millis(self) -> int:
        return int(self.left_s * 1000)

    def take(self, seconds: float) -> None:
        self.left_s -= seconds
        if self.left_s <= 0:
            raise TimedOut


class TimedOut(BaseException):
    """Lambda has ended the function."""


class SlowFaces(FakeFaces):
    """References show a face, and no picture does."""

    def __init__(self, context: Context) -> None:
        super().__init__(EncoderVersion("face-tiny", "0f1e", "v1"), {jpeg("navy"): [0.0]})
        self._context = context

    def faces(self, image: bytes) -> list[Face]:
        found = super().faces(image)
        if not found:
            self._context.take(A_SEARCH_S)
        return found

    def why_none(self, image: bytes) -> NoFace:
        self._context.take(A_REASON_S)
        return super().why_none(image)


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
    return encoded(Image.new("RGB", (64, 64), colour), "JPEG")


def encoded(image: Image.Image, kind: str) -> bytes:
    file = BytesIO()
    image.save(file, kind)
    return file.getvalue()


@pytest.fixture
def bucket(shipped_encoder: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The function's world, with a generated picture and two references; returns the bucket."""
    monkeypatch.setenv("TABLE_NAME", "identities")
    monkeypatch.setenv("BUCKET_NAME", "media")
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


def handle(*events: dict[str, Any], context: Context | None = None) -> list[str]:
    """Let the function take events from its queue; the ids of the messages that come again."""
    answer = handler.lambda_handler(queued(*events), context or Context())
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def found() -> dict[int, list[Score | NotScored]]:
    return wiring.services().scores.scores_of("portrait")


def stored() -> dict[int, list[Score]]:
    return {
        index: [each for each in outcomes if isinstance(each, Score)] for index, outcomes in found().items()
    }


def said(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    return [vars(record) for record in caplog.records if record.name == handler.logger.name]


def test_a_stored_image_is_scored(bucket: Any) -> None:
    assert handle(object_created(IMAGE)) == []

    [[score]] = stored().values()
    assert dict(score.per_reference)["references/eileen/00.jpg"] == 1
    assert dict(score.per_reference)["references/eileen/01.jpg"] < 1
    assert (score.encoder, score.best) == ("tiny", 1)


def test_a_second_event_changes_nothing(bucket: Any) -> None:
    handle(object_created(IMAGE))
    scores = stored()

    assert handle(object_created(IMAGE), object_created(IMAGE)) == []
    assert stored() == scores


@pytest.mark.parametrize(
    ("content", "code"), [(b"<html>", "unreadable_image"), (jpeg("black"), "black_image")]
)
def test_an_image_that_cannot_be_scored_says_why_and_does_not_come_again(
    bucket: Any, content: bytes, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    bucket.put_object(Key=IMAGE, Body=content)

    assert handle(object_created(IMAGE)) == []
    assert [(each["message"], each["code"]) for each in said(caplog)] == [("not scored", code)]
    assert [each.code for [each] in found().values() if isinstance(each, NotScored)] == [code]


def test_each_file_that_cannot_be_scored_has_a_code_and_costs_the_others_nothing(bucket: Any) -> None:
    files = {
        "empty": (b"", "unreadable_image"),
        "a page": (b"<html>expired</html>", "unreadable_image"),
        "half": (jpeg("orange")[:300], "unreadable_image"),
        "another format": (encoded(Image.new("RGB", (64, 64), "orange"), "GIF"), "unreadable_image"),
        "black": (jpeg("black"), "black_image"),
        "a sliver": (encoded(Image.new("L", (1, 900_000), 200), "PNG"), "image_too_large"),
        "too many pixels": (png_header(60_000, 60_000), "image_too_large"),
        "gone": (None, "image_deleted"),
    }
    keys = [f"generations/eileen/portrait/{number:02}.jpg" for number in range(1, len(files) + 1)]
    for key, (content, _) in zip(keys, files.values(), strict=True):
        if content is not None:
            bucket.put_object(Key=key, Body=content)

    assert handle(*map(object_created, keys), object_created(IMAGE)) == []

    outcomes = found()
    codes = [each.code for number in outcomes for each in outcomes[number] if isinstance(each, NotScored)]
    assert dict(zip(files, codes, strict=True)) == {name: code for name, (_, code) in files.items()}
    assert isinstance(outcomes[0][0], Score)


def test_an_event_after_the_identity_was_erased_leaves_nothing(bucket: Any) -> None:
    identity = {"pk": "IDENTITY#eileen", "sk": "IDENTITY"}
    boto3.resource("dynamodb").Table("identities").delete_item(Key=identity)
    bucket.objects.filter(Prefix="references/").delete()

    assert handle(object_created(IMAGE)) == []
    assert found() == {}


def test_of_a_batch_only_what_failed_comes_again(bucket: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event without a key stands for whatever a person puts into the queue, the other for a fault."""
    score = ScoringService.score

    def throttled_at_first(service: ScoringService, image: EmbeddedImage) -> Score | NotScored | None:
        if image.key.endswith("/01.jpg"):
            raise ConnectionError("the table is throttled")
        return score(service, image)

    monkeypatch.setattr(ScoringService, "score", throttled_at_first)
    other = object_created("generations/eileen/portrait/01.jpg")

    assert handle({"detail": {}}, object_created(IMAGE), other) == ["m0", "m2"]
    assert stored().keys() == {0}


def put(bucket: Any, key: str, content: bytes, **more: Any) -> None:
    """Store an object, by the client: boto3 makes a class anew for each that a resource stores."""
    bucket.meta.client.put_object(Bucket=bucket.name, Key=key, Body=content, **more)


def put_row(row: Item) -> None:
    boto3.client("dynamodb").put_item(TableName="identities", Item=to_attributes(row))


def add_picture(bucket: Any, identity_id: str, references: int, evaluation_id: str = "") -> str:
    """Store an identity of so many references and a picture of it; returns the picture's key."""
    keys = [f"references/{identity_id}/{number:04}.jpg" for number in range(references)]
    for key in keys:
        put(bucket, key, jpeg("navy"))
    identity = an_identity(identity_id=identity_id, references=keys).model_dump(mode="json")
    put_row({"pk": f"IDENTITY#{identity_id}", "sk": "IDENTITY", **identity})
    key = f"generations/{identity_id}/of-{identity_id}/01.jpg"
    metadata = {"Metadata": {"evaluation-id": evaluation_id}} if evaluation_id else {}
    put(bucket, key, jpeg("orange"), **metadata)
    return key


def pictures_of_ten_identities(bucket: Any) -> list[str]:
    return [add_picture(bucket, f"i{number}", references=20) for number in range(10)]


def ten_pictures_of_four_identities(bucket: Any) -> list[str]:
    first = [add_picture(bucket, f"i{number}", references=20) for number in range(4)]
    more = [key.replace("/01.", f"/{index:02}.") for key in first for index in (2, 3)][:6]
    for key in more:
        put(bucket, key, jpeg("orange"))
    return [*first, *more]


def pictures_of_three_evaluations(bucket: Any) -> list[str]:
    """Each with three providers, the first of which takes three references of the twenty."""
    keys = []
    for number in range(3):
        evaluation_id = f"e{number}"
        references = [f"references/{evaluation_id}/{index:04}.jpg" for index in range(20)]
        for key in references:
            put(bucket, key, jpeg("navy"))
        evaluation = an_evaluation(
            evaluation_id=evaluation_id, references=references, reference_sha256s=[]
        ).model_dump(mode="json")
        of_it = {"pk": f"EVALUATION#{evaluation_id}", "sk": "EVALUATION", **evaluation, "max_cost_usd": 5}
        put_row(of_it)
        for provider, count in enumerate((3, 20, 20)):
            keys.append(add_picture(bucket, f"i{number}{provider}", count, evaluation_id))
    return keys


@pytest.mark.parametrize(
    "stored_pictures",
    [pictures_of_ten_identities, ten_pictures_of_four_identities, pictures_of_three_evaluations],
)
def test_the_first_pictures_of_many_identities_are_scored_in_the_tries_that_there_are(
    bucket: Any, stored_pictures: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To see all their references takes longer than the function may run, so those of some come later."""
    assert SCORER.queue is not None
    context, references = Context(), Encoders.references

    def take_time(encoders: Encoders, keys: Any, *more: Any) -> list[EmbeddedReference]:
        context.take(A_REFERENCE_S * len(keys))
        return references(encoders, keys, *more)

    monkeypatch.setattr(Encoders, "references", take_time)
    monkeypatch.setattr(handler, "shipped_face_encoder", lambda memory_mb: SlowFaces(context))
    keys = stored_pictures(bucket)
    assert len(keys) <= SCORER.queue.batch
    left = keys
    for _ in range(TRIES):
        context.left_s = SCORER.timeout_s
        with suppress(TimedOut):
            left = [left[int(each[1:])] for each in handle(*map(object_created, left), context=context)]
    assert left == []
    scores = wiring.services().scores
    assert all(scores.scores_of(key.split("/")[2])[int(key[-6:-4])] for key in keys)


def test_a_message_that_is_no_event_takes_no_picture_with_it(bucket: Any) -> None:
    """People put messages into the queue too."""
    key_is_none: list[Any] = [7, ["k"], {}, "", None, "a" * 5_000]
    others = [object_created(key) for key in (*key_is_none, f"generations/eileen/portrait/{'1' * 5_000}.jpg")]
    messages: list[Any] = [{"detail": {"object": IMAGE}}, {"detail": IMAGE}, [IMAGE], IMAGE, 7, None, *others]

    assert handle(*messages, object_created(IMAGE)) == [f"m{number}" for number in range(11)]
    assert len(stored()[0]) == 1


@pytest.mark.parametrize("seen", [None, [0.0]], ids=["whole pictures", "and faces"])
def test_a_score_takes_one_object_two_reads_and_one_transaction_and_its_event_two_calls(
    bucket: Any, seen: list[float] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With twenty references, which the first score reads too; counted as the calls leave botocore."""
    if seen is not None:
        contents = [jpeg(colour) for colour in ("navy", "teal", "orange")]
        faces = FakeFaces(EncoderVersion("face-tiny", "0f1e", "v1"), dict.fromkeys(contents, seen))
        monkeypatch.setattr(handler, "shipped_face_encoder", lambda memory_mb: faces)
    keys = [f"references/eileen/{number:02d}.jpg" for number in range(20)]
    for key in keys:
        put(bucket, key, jpeg("navy"))
    rows = boto3.resource("dynamodb").Table("identities")
    of_eileen = {"pk": "IDENTITY#eileen", "sk": "IDENTITY"}
    rows.update_item(
        Key=of_eileen,
        UpdateExpression="SET #r = :r",
        ExpressionAttributeNames={"#r": "references"},
        ExpressionAttributeValues={":r": keys},
    )
    calls.clear()
    assert handle(object_created(IMAGE)) == []
    write = {"dynamodb TransactWriteItems": 1}
    tell = {"eventbridge PutEvents": 1, "dynamodb UpdateItem": 1}
    assert calls == {"s3 GetObject": 21, "dynamodb GetItem": 3, **write, **tell}

    other = "generations/eileen/portrait/01.jpg"
    put(bucket, other, jpeg("teal"))
    calls.clear()
    assert handle(object_created(other)) == []
    assert calls == {"s3 GetObject": 1, "dynamodb GetItem": 2, **write, **tell}
    assert [len(score.per_reference) for [score] in stored().values()] == [20, 20]
    compared = [score.face_identity.likeness for [score] in stored().values() if score.face_identity]
    assert [len(likeness.per_reference) for likeness in compared if likeness] == [20, 20] * bool(seen)

    calls.clear()
    assert handle(object_created(other), object_created(IMAGE)) == []
    assert calls == {"s3 GetObject": 2, "dynamodb GetItem": 3}, "both have their score"


def test_the_log_has_the_key_but_not_the_event(bucket: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    event = object_created(IMAGE)
    handle(event)

    [record] = said(caplog)
    assert record["key"] == IMAGE
    assert event["detail"]["request-id"] not in str(record)
