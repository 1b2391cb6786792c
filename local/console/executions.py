"""What state machines did, as Step Functions tells it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from local.console.graph import graph_of
from local.console.masking import masked

SHOWN = 50
"""Executions of each machine, the latest first."""
LONGEST_HISTORY = 2_000
"""Events of one execution."""
DETAILS = "EventDetails"


class Executions:
    """Reads those of the machines that are given by name and ARN."""

    def __init__(self, step_functions: Any, machines: Mapping[str, str]) -> None:
        self._step_functions = step_functions
        self._machines = machines

    def latest(self) -> list[dict[str, Any]]:
        """Return the latest executions of all machines: machine, name, status, when it began and ended."""
        found = [
            {
                "machine": machine,
                "name": each["name"],
                "status": each["status"],
                "startedAt": _time(each["startDate"]),
                "endedAt": _time(each.get("stopDate")),
            }
            for machine, arn in self._machines.items()
            for each in self._step_functions.list_executions(stateMachineArn=arn, maxResults=SHOWN)[
                "executions"
            ]
        ]
        return sorted(found, key=lambda each: str(each["startedAt"]), reverse=True)

    def one(self, machine: str, name: str) -> dict[str, Any] | None:
        """Return an execution with graph, steps and why it failed; None if it is not there."""
        arn = self._machines.get(machine)
        if arn is None:
            return None
        try:
            found = self._step_functions.describe_execution(
                executionArn=f"{arn.replace(':stateMachine:', ':execution:')}:{name}"
            )
        except self._step_functions.exceptions.ExecutionDoesNotExist:
            return None
        definition = self._step_functions.describe_state_machine(stateMachineArn=arn)["definition"]
        steps = steps_of(self._history(found["executionArn"]))
        return {
            "machine": machine,
            "name": name,
            "status": found["status"],
            "startedAt": _time(found["startDate"]),
            "endedAt": _time(found.get("stopDate")),
            "input": _shown(found.get("input")),
            "output": _shown(found.get("output")),
            "error": found.get("error"),
            "cause": masked(found.get("cause")),
            "graph": asdict(graph_of(json.loads(definition))),
            "steps": steps,
        }

    def _history(self, arn: str) -> Iterator[Mapping[str, Any]]:
        pages = self._step_functions.get_paginator("get_execution_history").paginate(
            executionArn=arn, PaginationConfig={"MaxItems": LONGEST_HISTORY}
        )
        for page in pages:
            yield from page["events"]


def steps_of(history: Iterator[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return each time that a state was entered, in order: state, when, input, output, failures in it.

    ``leftAt`` is None where the execution still is, or ended.
    """
    steps: list[dict[str, Any]] = []
    for event in history:
        entered, left = event.get("stateEnteredEventDetails"), event.get("stateExitedEventDetails")
        if entered:
            steps.append(
                {
                    "state": entered["name"],
                    "enteredAt": _time(event["timestamp"]),
                    "leftAt": None,
                    "input": _shown(entered.get("input")),
                    "output": None,
                    "failures": [],
                }
            )
        elif left:
            step = next((each for each in reversed(steps) if each["state"] == left["name"]), None)
            if step is not None:
                step["leftAt"], step["output"] = _time(event["timestamp"]), _shown(left.get("output"))
        elif steps and (failure := _failure(event)):
            steps[-1]["failures"].append(failure)
    return steps


def _failure(event: Mapping[str, Any]) -> str | None:
    """Return what an event says went wrong."""
    for name, details in event.items():
        if (
            name.endswith(DETAILS)
            and isinstance(details, dict)
            and ("error" in details or "cause" in details)
        ):
            said = f"{event['type']}: {details.get('error', '')} {details.get('cause', '')}"
            return str(masked(said.strip()))
    return None


def _shown(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return masked(json.loads(text))
    except ValueError:
        return masked(text)


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()
