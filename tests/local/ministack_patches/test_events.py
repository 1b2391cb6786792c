"""EventBridge calls our functions as on AWS: ministack with local/ministack_patches/events.py."""

import json
import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest

from tests.local.conftest import WAIT_SCALE
from tests.support.emulator import EmulatedAws
from tests.support.waiting import wait_until

pytestmark = pytest.mark.processes

ROUNDING = timedelta(seconds=1)  # of the time in an event

RECORDS = """
import json, os, time
import boto3

calls = 0

def handler(event, context):
    global calls
    calls += 1
    record = {"call": calls, "at": time.time(), "event": event}
    boto3.client("sqs").send_message(QueueUrl=os.environ["QUEUE"], MessageBody=json.dumps(record))
"""


class Recorder:
    """A function that says in a queue what it was called with."""

    def __init__(self, aws: EmulatedAws) -> None:
        self._aws, self._sqs = aws, aws.client("sqs")
        self._queue = self._sqs.create_queue(QueueName=f"calls-{uuid.uuid4().hex}")["QueueUrl"]
        self.arn = aws.function("recorder", RECORDS)
        environment = {"Variables": {"QUEUE": self._queue}}
        aws.client("lambda").update_function_configuration(FunctionName=self.arn, Environment=environment)

    def called_by(self, **rule: Any) -> str:
        """Let a new rule call the function; its name."""
        events, name = self._aws.client("events"), f"rule-{uuid.uuid4().hex}"
        events.put_rule(Name=name, **rule)
        events.put_targets(Rule=name, Targets=[{"Id": "T", "Arn": self.arn}])
        return name

    def calls(self, count: int) -> list[dict[str, Any]]:
        """The first calls, in order."""
        found: list[dict[str, Any]] = []

        def are_there() -> bool:
            answer = self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                found.append(json.loads(message["Body"]))
                self._sqs.delete_message(QueueUrl=self._queue, ReceiptHandle=message["ReceiptHandle"])
            return len(found) >= count

        wait_until(are_there, f"{count} calls")
        return sorted(found, key=lambda call: float(call["at"]))


@pytest.fixture
def recorder(aws: EmulatedAws) -> Recorder:
    return Recorder(aws)


def put(aws: EmulatedAws, source: str, **detail: Any) -> None:
    entry = {"Source": source, "DetailType": "IdentityReady", "Detail": json.dumps(detail)}
    assert aws.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0


def test_an_event_of_ours_reaches_the_function_of_a_rule(aws: EmulatedAws, recorder: Recorder) -> None:
    pattern = {"source": ["character-identity"], "detail-type": ["IdentityReady"]}
    recorder.called_by(EventPattern=json.dumps(pattern))
    put(aws, "somebody-else", identity="1")
    put(aws, "character-identity", identity="2")
    (call,) = recorder.calls(1)
    event = call["event"]
    assert (event["source"], event["detail-type"]) == ("character-identity", "IdentityReady")
    assert event["detail"] == {"identity": "2"}
    assert {"id", "time", "region", "account", "resources", "version"} <= set(event)


def test_scale_rates(aws: EmulatedAws, recorder: Recorder) -> None:
    name = recorder.called_by(ScheduleExpression="rate(1 minute)")
    first, second = (call["event"] for call in recorder.calls(2))
    aws.client("events").disable_rule(Name=name)
    assert first["source"] == "aws.events"
    due, due_again = (datetime.fromisoformat(event["time"]) for event in (first, second))
    assert timedelta(minutes=1) * WAIT_SCALE - ROUNDING <= due_again - due < timedelta(minutes=1)
