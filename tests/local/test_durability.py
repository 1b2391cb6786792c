"""An emulator with a state folder has at the next start all it has answered for, even after a kill."""

import hashlib
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from local.errors import CannotRun
from local.service import Service, start_emulator
from local.state_file import FILE
from tests.local.tiny_stack import resource
from tests.support.emulator import EmulatedAws
from tests.support.waiting import wait_until

pytestmark = pytest.mark.processes

WRITERS = 6
MARK = b"<end>"

TEMPLATE = {
    "Resources": {
        "Table": resource(
            "DynamoDB::Table",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "gsi1pk")
            ],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "gsi1",
                    "KeySchema": [{"AttributeName": "gsi1pk", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        ),
        "Bucket": resource(
            "S3::Bucket",
            NotificationConfiguration={"EventBridgeConfiguration": {"EventBridgeEnabled": True}},
        ),
        "Secret": resource("SecretsManager::Secret", SecretString="not configured"),
        "Stored": resource("SQS::Queue"),
        "Rule": resource(
            "Events::Rule",
            EventPattern={"source": ["aws.s3"], "detail-type": ["Object Created"]},
            Targets=[{"Id": "T", "Arn": {"Fn::GetAtt": ["Stored", "Arn"]}}],
        ),
    },
    "Outputs": {name: {"Value": {"Ref": name}} for name in ("Table", "Bucket", "Secret", "Stored")},
}


class Run:
    """A running emulator with a stack: short ways to its table, bucket and secret."""

    def __init__(self, service: Service, aws: EmulatedAws, names: dict[str, str]) -> None:
        self.service, self.aws, self.names = service, aws, names
        self.table, self.bucket, self.secret = names["Table"], names["Bucket"], names["Secret"]
        self.s3, self.dynamodb = aws.client("s3"), aws.client("dynamodb")

    def kill(self) -> None:
        self.service.process.kill()

    def put(self, pk: str, **attributes: Any) -> None:
        self.dynamodb.put_item(TableName=self.table, Item={**key(pk), **attributes})

    def update(self, pk: str, expression: str, **values: Any) -> None:
        self.dynamodb.update_item(
            TableName=self.table,
            Key=key(pk),
            UpdateExpression=expression,
            ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
        )

    def delete(self, pk: str) -> None:
        self.dynamodb.delete_item(TableName=self.table, Key=key(pk))

    def items(self) -> dict[str, Any]:
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=self.table)
        return {item["pk"]["S"]: item for page in pages for item in page["Items"]}

    def store(self, name: str, body: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=name, Body=body)

    def object_names(self) -> set[str]:
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        return {entry["Key"] for page in pages for entry in page.get("Contents", [])}

    def body(self, name: str) -> bytes:
        body: bytes = self.s3.get_object(Bucket=self.bucket, Key=name)["Body"].read()
        return body

    def secret_value(self) -> str:
        value = self.aws.client("secretsmanager").get_secret_value(SecretId=self.secret)
        return str(value["SecretString"])


@contextmanager
def running(folder: Path) -> Iterator[Run]:
    service = start_emulator(wait_scale=1, logs=folder / "logs", state=folder / "state")
    try:
        aws = EmulatedAws.of(service.announcement())
        cloudformation = aws.client("cloudformation")
        cloudformation.create_stack(StackName="Kept", TemplateBody=json.dumps(TEMPLATE))

        def created() -> Any:
            (stack,) = cloudformation.describe_stacks(StackName="Kept")["Stacks"]
            return stack if stack["StackStatus"] == "CREATE_COMPLETE" else None

        stack = wait_until(created, "the stack")
        outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
        yield Run(service, aws, outputs)
    finally:
        service.stop()


def key(pk: str) -> dict[str, Any]:
    return {"pk": {"S": pk}, "sk": {"S": "-"}}


def content(name: str, size: int) -> bytes:
    """A body that tells whether it is whole, and whose it is."""
    return hashlib.sha256(name.encode()).digest() * (size // 32) + MARK


def test_what_was_answered_before_a_kill_is_there_and_nothing_is_half(tmp_path: Path) -> None:
    answered = [0] * WRITERS  # rounds of each writer of which every write was answered
    with running(tmp_path) as run, ThreadPoolExecutor(WRITERS) as pool:
        threads = [pool.submit(write_until_killed, run, writer, answered) for writer in range(WRITERS)]
        while min(answered) < 10:
            assert not any(thread.done() for thread in threads)
            time.sleep(0.01)
        run.kill()
        for thread in threads:
            thread.result()

    with running(tmp_path) as run:
        items, keys = run.items(), run.object_names()
        for writer in range(WRITERS):
            rounds = answered[writer]
            begun = rounds + 1  # the round that the kill cut short
            assert {f"item-{writer}-{n}" for n in range(1, rounds + 1)} <= items.keys()
            assert {f"object-{writer}-{n}" for n in range(1, rounds + 1)} <= keys
            assert items.keys().isdisjoint(f"passing-{writer}-{n}" for n in range(1, rounds + 1))
            assert keys.isdisjoint(f"passing-{writer}-{n}" for n in range(1, rounds + 1))
            assert int(items[f"sum-{writer}"]["n"]["N"]) in (rounds, begun)
            assert items[f"left-{writer}"]["n"] == items[f"right-{writer}"]["n"]
            assert int(items[f"left-{writer}"]["n"]["N"]) in (rounds, begun)
            assert run.body(f"latest-{writer}") in (content(str(n), 50_000) for n in (rounds, begun))
        for name in keys:
            if name.startswith("object-"):
                assert run.body(name) == content(name, 200_000)


def write_until_killed(run: Run, writer: int, answered: list[int]) -> None:
    with suppress(BotoCoreError, ClientError):
        while True:
            write_round(run, writer, answered[writer] + 1)
            answered[writer] += 1


def write_round(run: Run, writer: int, n: int) -> None:
    run.put(f"item-{writer}-{n}")
    run.put(f"passing-{writer}-{n}")
    run.update(f"sum-{writer}", "ADD n :one", one={"N": "1"})
    pair = [{**key(f"{side}-{writer}"), "n": {"N": str(n)}} for side in ("left", "right")]
    writes = [{"Put": {"TableName": run.table, "Item": item}} for item in pair]
    run.dynamodb.transact_write_items(TransactItems=writes)
    run.store(f"object-{writer}-{n}", content(f"object-{writer}-{n}", 200_000))
    run.store(f"latest-{writer}", content(str(n), 50_000))
    run.store(f"passing-{writer}-{n}", b"x")
    run.delete(f"passing-{writer}-{n}")
    run.s3.delete_object(Bucket=run.bucket, Key=f"passing-{writer}-{n}")


def test_every_way_to_store_an_object_is_kept(tmp_path: Path) -> None:
    weights = content("weights", 6_000_000)
    with running(tmp_path) as run:
        s3 = {"Bucket": run.bucket}
        run.s3.put_object(**s3, Key="put", Body=b"put", ContentType="image/png", Metadata={"sha256": "abc"})
        run.s3.copy_object(**s3, Key="copy", CopySource={**s3, "Key": "put"})
        upload = {**s3, "Key": "parts"}
        upload["UploadId"] = run.s3.create_multipart_upload(**upload)["UploadId"]
        parts = [
            {
                "PartNumber": number,
                "ETag": run.s3.upload_part(**upload, PartNumber=number, Body=part)["ETag"],
            }
            for number, part in enumerate((weights[:5_500_000], weights[5_500_000:]), 1)
        ]
        run.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        ticket = run.s3.generate_presigned_post(run.bucket, "posted")
        form = {"data": ticket["fields"], "files": {"file": ("f", b"posted")}}
        assert httpx.post(ticket["url"], **form).status_code == 204
        for name in ("gone", "gone too", "put again"):
            run.store(name, b"first")
        run.store("put again", b"second")
        run.s3.delete_object(**s3, Key="gone")
        run.s3.delete_objects(**s3, Delete={"Objects": [{"Key": "gone too"}]})
        before = {name: run.s3.head_object(**s3, Key=name) for name in run.object_names()}
        run.kill()

    for _ in range(2):  # what came back comes back again
        with running(tmp_path) as run:
            assert run.object_names() == {"put", "copy", "parts", "posted", "put again"}
            assert run.body("parts") == weights
            assert [run.body(name) for name in ("put", "posted", "put again")] == [
                b"put",
                b"posted",
                b"second",
            ]
            for name, head in before.items():
                now = run.s3.head_object(**s3, Key=name)
                for field in ("ContentType", "ContentLength", "ETag", "Metadata", "LastModified"):
                    assert now[field] == head[field]
            ranged = run.s3.get_object(**s3, Key="parts", Range="bytes=-5")["Body"].read()
            assert ranged == MARK
            run.s3.copy_object(Bucket=run.bucket, Key="again", CopySource={**s3, "Key": "copy"})
            assert run.body("again") == b"put"
            run.s3.delete_object(**s3, Key="again")
            run.kill()


def test_what_came_back_is_found_by_index_and_condition(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        run.put("1", gsi1pk={"S": "L"}, flag={"BOOL": True}, tags={"SS": ["a", "b"]}, bytes={"B": b"\0\xff"})
        before = run.items()
        run.kill()

    with running(tmp_path) as run:
        assert run.items() == before
        found = run.dynamodb.query(
            TableName=run.table,
            IndexName="gsi1",
            KeyConditionExpression="gsi1pk = :l",
            ExpressionAttributeValues={":l": {"S": "L"}},
        )
        assert [item["pk"]["S"] for item in found["Items"]] == ["1"]
        with pytest.raises(ClientError, match="ConditionalCheckFailed"):
            run.dynamodb.put_item(
                TableName=run.table, Item=key("1"), ConditionExpression="attribute_not_exists(pk)"
            )
        assert run.dynamodb.describe_table(TableName=run.table)["Table"]["ItemCount"] == 1


def test_the_values_of_a_secret_stay(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        run.aws.client("secretsmanager").put_secret_value(SecretId=run.secret, SecretString="configured")
        run.kill()
    with running(tmp_path) as run:
        assert run.secret_value() == "configured"
        run.aws.client("secretsmanager").put_secret_value(SecretId=run.secret, SecretString="rotated")
        run.kill()
    with running(tmp_path) as run:
        assert run.secret_value() == "rotated"
        previous = run.aws.client("secretsmanager").get_secret_value(
            SecretId=run.secret, VersionStage="AWSPREVIOUS"
        )
        assert previous["SecretString"] == "configured"


def test_what_comes_back_sends_no_event(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        run.store("old", b"x")
        names = run.names
        run.kill()
    with running(tmp_path) as run:
        assert run.names == {**names, "Stored": run.names["Stored"]}
        run.store("new", b"x")
        messages = run.aws.client("sqs").receive_message(
            QueueUrl=run.names["Stored"], MaxNumberOfMessages=10, WaitTimeSeconds=5
        )["Messages"]
        assert [json.loads(message["Body"])["detail"]["object"]["key"] for message in messages] == ["new"]


def test_another_folder_has_another_state(tmp_path: Path) -> None:
    with running(tmp_path / "kept") as run:
        run.put("1")
    with running(tmp_path / "other") as run:
        assert run.items() == {}


def test_two_emulators_do_not_share_a_folder(tmp_path: Path) -> None:
    with running(tmp_path):
        second = start_emulator(wait_scale=1, logs=tmp_path, state=tmp_path / "state")
        with pytest.raises(CannotRun, match=r"^The state in .* is in use by another process\.$"):
            second.announcement()
        second.stop()


def test_a_file_that_is_none_of_ours_is_named(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / FILE).write_text("something else " * 1000)
    emulator = start_emulator(wait_scale=1, logs=tmp_path, state=tmp_path / "state")
    with pytest.raises(
        CannotRun, match=r"^The state in .*state cannot be read \(.*\); begin anew with --fresh, or without"
    ):
        emulator.announcement()
    emulator.stop()


def test_threads_take_turns(tmp_path: Path) -> None:
    with running(tmp_path) as run:
        start = threading.Barrier(WRITERS)

        def count() -> None:
            start.wait()
            for _ in range(20):
                run.update("sum", "ADD n :one", one={"N": "1"})

        with ThreadPoolExecutor(WRITERS) as pool:
            for counted in [pool.submit(count) for _ in range(WRITERS)]:
                counted.result()
        run.kill()
    with running(tmp_path) as run:
        assert run.items()["sum"]["n"] == {"N": str(WRITERS * 20)}
