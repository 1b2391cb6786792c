"""What an execution's history says about what it cost."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

POLLS = frozenset({"CheckTraining", "CheckGeneration"})


@dataclass(frozen=True)
class Cost:
    """``polls`` are the visits to the state that asks the provider.

    ``transitions`` are the states entered and the retries: AWS counts one for each step that is executed, and
    for each retry (https://aws.amazon.com/step-functions/pricing/, read 2026-11-23).
    """

    polls: int
    transitions: int


def cost_of(events: Iterable[Mapping[str, Any]]) -> Cost:
    """The cost of an execution with these events."""
    polls, transitions = 0, 0
    attempts = 0  # of the task that was entered last
    for event in events:
        if event["type"].endswith("StateEntered"):
            transitions += 1
            attempts = 0
            polls += event["stateEnteredEventDetails"]["name"] in POLLS
        elif event["type"] in {"TaskScheduled", "LambdaFunctionScheduled"}:
            attempts += 1
            transitions += attempts > 1
    return Cost(polls, transitions)
