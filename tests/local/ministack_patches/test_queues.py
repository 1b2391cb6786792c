"""Functions are fed from queues as on AWS: ministack with local/ministack_patches/queues.py."""

import json
import uuid
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.emulator import EmulatedAws
from tests.support.waiting import wait_until

pytestmark = pytest.mark.processes

HIDDEN_S = 40  # of the run's time, which is twenty times as fast
TRIES = 2
TAKES_BATCHES = """
import json, os
import boto3

def handler(batch, context):
    details = [json.loads(record["body"])["detail"] for record in batch["Records"]]
    queue = boto3.client("sqs")
    for detail in details:
        queue.send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(detail))
    if any(detail.get("crash") for detail in details):
        raise ConnectionError("the table is throttled")
    failed = [r["messageId"] for r, detail in zip(batch["Records"], details) if detail.get("fails")]
    return {"batchItemFailures": [{"itemIdentifier": each} for each in failed]}
"""


@dataclass
class Feed:
    """A stack: a rule fills a queue, which feeds a function that says what it was called with."""

    aws: EmulatedAws
    source: str
    waiting: str
    lost: str
    calls_queue: str

    def publish(self, **detail: Any) -> None:
        entry = {"Source": self.source, "DetailType": "Any", "Detail": json.dumps(detail)}
        assert self.aws.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0

    def calls(self, count: int) -> list[Any]:
        """The details of the events that the function got, in no order."""
        return self._taken(self.calls_queue, count)

    def lost_events(self, count: int) -> list[Any]:
        return self._taken(self.lost, count)

    def _taken(self, queue: str, count: int) -> list[Any]:
        sqs = self.aws.client("sqs")
        found: list[Any] = []

        def are_there() -> bool:
            answer = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                found.append(json.loads(message["Body"]))
                sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
            return len(found) >= count

        wait_until(are_there, f"{count} messages")
        return found


@pytest.fixture
def feed(aws: EmulatedAws) -> Feed:
    name = f"feed-{uuid.uuid4().hex[:8]}"
    sqs, cloudformation = aws.client("sqs"), aws.client("cloudformation")
    calls = sqs.create_queue(QueueName=f"{name}-calls")["QueueUrl"]
    function = aws.function(name, TAKES_BATCHES)
    environment = {"Variables": {"QUEUE": calls}}
    aws.client("lambda").update_function_configuration(FunctionName=function, Environment=environment)
    cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template(name, function)))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName=name, WaiterConfig={"Delay": 0, "MaxAttempts": 1000}
    )
    outputs = cloudformation.describe_stacks(StackName=name)["Stacks"][0]["Outputs"]
    queues = {output["OutputKey"]: output["OutputValue"] for output in outputs}
    return Feed(aws, name, queues["Waiting"], queues["Lost"], calls)


def template(source: str, function: str) -> dict[str, Any]:
    """Our queues as the CDK writes them: the limit is a parameter."""
    arn_of = {name: {"Fn::GetAtt": [name, "Arn"]} for name in ("WaitingQueue", "LostQueue")}
    target = {"Id": "T", "Arn": arn_of["WaitingQueue"], "DeadLetterConfig": {"Arn": arn_of["LostQueue"]}}
    redrive = {"deadLetterTargetArn": arn_of["LostQueue"], "maxReceiveCount": TRIES}
    resources = {
        "LostQueue": {"Type": "AWS::SQS::Queue"},
        "WaitingQueue": {
            "Type": "AWS::SQS::Queue",
            "Properties": {"VisibilityTimeout": HIDDEN_S, "RedrivePolicy": redrive},
        },
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {"EventPattern": {"source": [source]}, "Targets": [target], "State": "ENABLED"},
        },
        "Mapping": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": arn_of["WaitingQueue"],
                "FunctionName": function,
                "BatchSize": 10,
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
                "ScalingConfig": {"MaximumConcurrency": {"Ref": "Concurrency"}},
            },
        },
    }
    return {
        "Parameters": {"Concurrency": {"Type": "String", "Default": "2"}},
        "Resources": resources,
        "Outputs": {
            "Waiting": {"Value": {"Ref": "WaitingQueue"}},
            "Lost": {"Value": {"Ref": "LostQueue"}},
        },
    }


def test_take_numbers_from_parameters(feed: Feed) -> None:
    feed.publish(identity="1")
    assert feed.calls(1) == [{"identity": "1"}]


def test_bring_back_what_failed(feed: Feed) -> None:
    """In scaled time: forty seconds are two here, and it is kept as EventBridge wrote it."""
    feed.publish(fails=True)
    feed.publish(fails=False)
    assert sorted(feed.calls(TRIES + 1), key=str) == [{"fails": False}, *[{"fails": True}] * TRIES]
    (lost,) = feed.lost_events(1)
    assert (lost["source"], lost["detail"]) == (feed.source, {"fails": True})


def test_a_lost_event_can_be_put_back_as_it_is(feed: Feed) -> None:
    feed.publish(crash=True)
    assert feed.calls(TRIES) == [{"crash": True}] * TRIES
    (lost,) = feed.lost_events(1)
    body = json.dumps(lost | {"detail": {"crash": False}})
    feed.aws.client("sqs").send_message(QueueUrl=feed.waiting, MessageBody=body)
    assert feed.calls(1) == [{"crash": False}]
