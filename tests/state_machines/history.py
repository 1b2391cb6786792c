"""Histories of executions, and how much of a definition a set of them has been through."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

KINDS = ("states", "retries", "catches", "choices")
Coverage = dict[str, set[tuple[str, ...]]]

GROUPS = {
    "States.TaskFailed": (
        "Runtime.ExitError",
        "Sandbox.Timedout",
        "Lambda.Unknown",
        "Lambda.TooManyRequestsException",
        "KeyError",
    )
}
"""One error for each name in a definition that means more than one: a function that
died, one that took too long, what Lambda cannot name, throttling, and a class of Python's."""


@dataclass
class Visit:
    """One stay in a state: the errors of its attempts, and where it led."""

    state: str
    errors: list[str] = field(default_factory=list)
    succeeded: bool = False
    next: str = ""


@dataclass(frozen=True)
class Run:
    """One execution; ``calls`` are how often each function was called."""

    status: str
    error: str | None
    cause: str | None
    calls: dict[str, int]
    visits: list[Visit]
    events: int

    @property
    def path(self) -> list[str]:
        """The states in the order in which they were entered."""
        return [visit.state for visit in self.visits]


def visits_of(events: Iterable[dict[str, Any]]) -> list[Visit]:
    """The states that an execution went through, in order."""
    visits: list[Visit] = []
    for event in events:
        if event["type"].endswith("StateEntered"):
            entered = event["stateEnteredEventDetails"]["name"]
            if visits:
                visits[-1].next = entered
            visits.append(Visit(entered))
        elif event["type"] == "TaskFailed":
            visits[-1].errors.append(event["taskFailedEventDetails"]["error"])
        elif event["type"] == "TaskSucceeded":
            visits[-1].succeeded = True
    return visits


def wanted(definition: dict[str, Any]) -> Coverage:
    """All there is in a definition; of each repeated error, that repeating helped and that it did not."""
    coverage: Coverage = {kind: set() for kind in KINDS}
    for name, state in definition["States"].items():
        coverage["states"].add((name,))
        for retry in state.get("Retry", []):
            outcomes = ("recovered", "gave up") if retry["MaxAttempts"] else ("never repeated",)
            coverage["retries"] |= {
                (name, error, outcome) for error in _errors_of(retry) for outcome in outcomes
            }
        for catch in state.get("Catch", []):
            coverage["catches"] |= {(name, error, catch["Next"]) for error in catch["ErrorEquals"]}
        branches = [*(choice["Next"] for choice in state.get("Choices", [])), state.get("Default")]
        if state["Type"] == "Choice":
            assert len(set(branches)) == len(branches), (
                f"a history does not tell the branches of {name} apart"
            )
            coverage["choices"] |= {(name, branch) for branch in branches}
    return coverage


def reached(definition: dict[str, Any], visits: Iterable[Visit]) -> Coverage:
    """Return the part of ``wanted`` that the visits have been through."""
    coverage: Coverage = {kind: set() for kind in KINDS}
    for visit in visits:
        state = definition["States"][visit.state]
        coverage["states"].add((visit.state,))
        if state["Type"] == "Choice":
            coverage["choices"].add((visit.state, visit.next))
        if visit.errors:
            retries = state.get("Retry", [])
            coverage["retries"] |= {(visit.state, *outcome) for outcome in _outcomes(retries, visit)}
        if visit.errors and not visit.succeeded:
            coverage["catches"] |= {
                (visit.state, error, visit.next)
                for error in _caught(state.get("Catch", []), visit.errors[-1])
            }
    return coverage


def _outcomes(retries: list[dict[str, Any]], visit: Visit) -> Iterator[tuple[str, str]]:
    """Return the end of each error of a visit. A retrier counts all its errors together."""
    deciding = {error: _first_for(error, retries) for error in visit.errors}
    seen = Counter(deciding[error] for error in visit.errors)
    last = deciding[visit.errors[-1]]
    for error, index in deciding.items():
        if index is None:
            continue
        allowed = retries[index]["MaxAttempts"]
        if visit.succeeded:
            yield error, "recovered"
        elif index == last and seen[index] == allowed + 1:
            yield error, "gave up" if allowed else "never repeated"


def _first_for(error: str, retries: list[dict[str, Any]]) -> int | None:
    return next((index for index, retry in enumerate(retries) if error in _errors_of(retry)), None)


def _caught(catches: list[dict[str, Any]], error: str) -> set[str]:
    """The names by which the first Catch that takes an error takes it."""
    taken = ({error, "States.ALL"} & set(catch["ErrorEquals"]) for catch in catches)
    return next((names for names in taken if names), set())


def _errors_of(retry: dict[str, Any]) -> list[str]:
    return [real for error in retry["ErrorEquals"] for real in GROUPS.get(error, (error,))]
