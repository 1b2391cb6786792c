"""What an execution's history says, and how much of a definition a set of histories has been through."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

KINDS = ("states", "retries", "catches", "choices")
Coverage = dict[str, set[tuple[str, ...]]]


@dataclass
class Visit:
    """One stay in a state: the errors of its attempts, and where it led."""

    state: str
    errors: list[str] = field(default_factory=list)
    succeeded: bool = False
    next: str = ""


@dataclass(frozen=True)
class Run:
    """How an execution went."""

    status: str
    error: str | None
    visits: list[Visit]

    @property
    def path(self) -> list[str]:
        """The states in the order in which they were entered."""
        return [visit.state for visit in self.visits]

    def calls(self, state: str) -> int:
        """How often the function of a task was called."""
        return sum(len(visit.errors) + visit.succeeded for visit in self.visits if visit.state == state)


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
            for error in retry["ErrorEquals"]:
                coverage["retries"] |= {(name, error, "recovered"), (name, error, "gave up")}
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
    """What of ``wanted`` the visits have been through."""
    coverage: Coverage = {kind: set() for kind in KINDS}
    for visit in visits:
        state = definition["States"][visit.state]
        coverage["states"].add((visit.state,))
        if state["Type"] == "Choice":
            coverage["choices"].add((visit.state, visit.next))
        if not visit.errors:
            continue
        last = visit.errors[-1]
        repeats = next((r["MaxAttempts"] for r in state.get("Retry", []) if last in r["ErrorEquals"]), None)
        if visit.succeeded:
            coverage["retries"].add((visit.state, last, "recovered"))
        elif repeats is not None and visit.errors == [last] * (1 + repeats):
            coverage["retries"].add((visit.state, last, "gave up"))
        for catch in state.get("Catch", []):
            caught = {last, "States.ALL"} & set(catch["ErrorEquals"])
            if caught and not visit.succeeded:
                coverage["catches"] |= {(visit.state, error, visit.next) for error in caught}
                break
    return coverage
