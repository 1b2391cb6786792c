"""Runs the state machines."""

import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from character_identity.domain.job import JobKind, ProviderJob
from character_identity.observability import keys_of

NOBODY_WAITS = {"TaskTimedOut", "TaskDoesNotExist", "InvalidToken"}


class StateMachines:
    """Executions are named after the identity or generation, so starting one twice changes nothing."""

    def __init__(self, client: Any, arns: Mapping[JobKind, str]) -> None:
        self._client = client
        self._arns = arns

    def start(self, job: ProviderJob) -> None:
        known = {name: value for name, value in keys_of(job).items() if value is not None}
        state = {**known, "deadline_at": job.deadline_at.isoformat()}
        try:
            self._client.start_execution(
                stateMachineArn=self._arns[job.kind], name=_name(job), input=json.dumps(state)
            )
        except ClientError as exc:
            if _code(exc) != "ExecutionAlreadyExists":
                raise

    def is_running(self, job: ProviderJob) -> bool:
        try:
            answer = self._client.describe_execution(executionArn=self._execution(job))
        except ClientError as exc:
            if _code(exc) != "ExecutionDoesNotExist":
                raise
            return False
        return bool(answer["status"] in {"RUNNING", "PENDING_REDRIVE"})

    def stop(self, job: ProviderJob, why: str) -> None:
        try:
            self._client.stop_execution(executionArn=self._execution(job), error="Stopped", cause=why)
        except ClientError as exc:
            if _code(exc) != "ExecutionDoesNotExist":
                raise

    def wake(self, token: str) -> None:
        try:
            self._client.send_task_success(taskToken=token, output="{}")
        except ClientError as exc:
            if _code(exc) not in NOBODY_WAITS:
                raise

    def _execution(self, job: ProviderJob) -> str:
        arn = self._arns[job.kind]
        if not arn:
            raise LookupError(f"The state machine of a {job.kind} is not known to this function.")
        return f"{arn.replace(':stateMachine:', ':execution:')}:{_name(job)}"


def _name(job: ProviderJob) -> str:
    return job.subject_id if job.runs == 1 else f"{job.subject_id}-{job.runs}"


def _code(error: ClientError) -> str:
    return str(error.response["Error"]["Code"])
