"""An emulator without a stack, for tests that make their own functions and state machines through boto3.

@pytest.fixture(scope="session")
def aws(tmp_path_factory):
    with running_emulator(wait_scale=0.05, logs=tmp_path_factory.mktemp("logs")) as aws:
        yield aws

def test_something(aws):
    arn = aws.function("echo", "def handler(event, context): return {'echo': event}")
    machine = aws.state_machine({"StartAt": "A", "States": {...}})
    execution = aws.execute(machine, {"key": "value"})   # {"status", "output" (decoded), "error", "cause"}
"""

import io
import json
import uuid
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from local.deploy import Endpoint, client
from local.service import start_emulator
from tests.support.waiting import wait_until

ROLE = "arn:aws:iam::000000000000:role/any"


client_of = cache(client)
"""A client of a service at an endpoint, made once: that takes longer than many calls."""


@dataclass(frozen=True)
class EmulatedAws:
    """Addresses of an emulator, and short ways to the things that tests make."""

    endpoint: Endpoint
    api_url: str

    @classmethod
    def of(cls, ports: Mapping[str, Any]) -> "EmulatedAws":
        """The emulator that has announced itself."""
        aws_url, api_url = (f"http://127.0.0.1:{ports[name]}" for name in ("awsPort", "apiPort"))
        return cls(Endpoint(aws_url, ports["accessKeyId"], ports["secretAccessKey"]), api_url)

    @property
    def aws_endpoint_url(self) -> str:
        """Where AWS is."""
        return self.endpoint.url

    def client(self, service: str) -> Any:
        """A boto3 client of a service."""
        return client_of(service, self.endpoint)

    def function(self, name: str, code: str, timeout_s: int = 30) -> str:
        """Create a function from source text that defines ``handler``; its ARN."""
        archive = io.BytesIO()
        with zipfile.ZipFile(archive, "w") as zipped:
            zipped.writestr("app.py", code)
        answer = self.client("lambda").create_function(
            FunctionName=f"{name}-{uuid.uuid4().hex[:8]}",
            Runtime="python3.13",
            Role=ROLE,
            Handler="app.handler",
            Code={"ZipFile": archive.getvalue()},
            Timeout=timeout_s,
        )
        arn: str = answer["FunctionArn"]
        return arn

    def state_machine(self, definition: dict[str, Any]) -> str:
        """Create a state machine; its ARN."""
        name = f"machine-{uuid.uuid4().hex[:8]}"
        stepfunctions = self.client("stepfunctions")
        answer = stepfunctions.create_state_machine(
            name=name, definition=json.dumps(definition), roleArn=ROLE
        )
        arn: str = answer["stateMachineArn"]
        return arn

    def execute(self, machine: str, state: Any) -> dict[str, Any]:
        """Run a state machine to its end: status, and either output (decoded) or error and cause."""
        return self.ended(self.start(machine, state))

    def start(self, machine: str, state: Any) -> str:
        """Start an execution; its ARN."""
        stepfunctions = self.client("stepfunctions")
        started = stepfunctions.start_execution(stateMachineArn=machine, input=json.dumps(state))
        arn: str = started["executionArn"]
        return arn

    def history(self, execution: str) -> list[str]:
        """The types of an execution's events so far."""
        pages = self.client("stepfunctions").get_paginator("get_execution_history")
        events = pages.paginate(executionArn=execution)
        return [event["type"] for page in events for event in page["events"]]

    def ended(self, execution: str) -> dict[str, Any]:
        """Wait for the end of an execution: status, and either output (decoded) or error and cause."""
        stepfunctions = self.client("stepfunctions")

        def description() -> Any:
            found = stepfunctions.describe_execution(executionArn=execution)
            return found if found["status"] != "RUNNING" else None

        ended = wait_until(description, f"the end of {execution}")
        outcome = {key: ended.get(key) for key in ("status", "error", "cause")}
        succeeded = ended["status"] == "SUCCEEDED"
        return {**outcome, "output": json.loads(ended["output"]) if succeeded else None}


@contextmanager
def running_emulator(wait_scale: float, logs: Path) -> Iterator[EmulatedAws]:
    """An emulator without a stack; waits, backoff and timeouts of state machines are scaled."""
    service = start_emulator(wait_scale=wait_scale, logs=logs)
    try:
        yield EmulatedAws.of(service.announcement())
    finally:
        service.stop()
