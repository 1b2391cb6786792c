"""Faults of a job that was accepted, and of what it makes."""

from typing import Any

from tests.faults.rows import GOOD, Arrange, Row, Split
from tests.faults.scenario import Scenario
from tests.faults.workflows import Workflow

FOR_EVER = 10_000
NOT_FOUND = {"detail": "Not Found", "error": "not found"}
"""In JSON, which is Astria's mark; fal's is a header that its simulator sets."""
FAILED = frozenset({"training_failed", "generation_failed"})
LOST = frozenset({"weights_lost", "no_image"})


def _job(kind: str, **fault: Any) -> Arrange:
    """The job that is ordered has a fault."""

    def arrange(scenario: Scenario, split: Split) -> None:
        scenario.arm(scenario.workflow.submit, kind, **fault)

    return arrange


def _polls(**fault: Any) -> Arrange:
    """Each kind of call that asks about the job is answered so."""

    def arrange(scenario: Scenario, split: Split) -> None:
        for operation in scenario.workflow.polls:
            if len(scenario.workflow.polls) == 1 or split(operation):
                scenario.arm(operation, "reply", **fault)
                return

    return arrange


def _not_found(body: Any, *times: int) -> Arrange:
    """Each kind of call that asks about the job is answered 404 so many times."""

    def arrange(scenario: Scenario, split: Split) -> None:
        for operation in scenario.workflow.polls:
            for number in times:
                if split(f"{operation}, {number} times"):
                    scenario.arm(operation, "reply", times=number, status=404, body=body)
                    return

    return arrange


def _links(**fault: Any) -> Arrange:
    """Answer so whoever fetches what the job made."""

    def arrange(scenario: Scenario, split: Split) -> None:
        scenario.arm(f"{scenario.workflow.account}.media", "reply", path=scenario.workflow.file, **fault)

    return arrange


def _with_bytes(workflow: Workflow) -> str | None:
    return None if workflow.file else "Astria keeps the weights: no bytes come to us."


def _trained(workflow: Workflow) -> str | None:
    return _with_bytes(workflow) if workflow.trains else "A generation yields no weights."


def _generated(workflow: Workflow) -> str | None:
    return "A training yields no pictures." if workflow.trains else None


ROWS = (
    Row("Job stuck in the queue", _job("stuck"), FAILED | {"deadline_exceeded"}),
    Row("Job completed with an error", _job("fail", status=422, body={"detail": "no face"}), FAILED),
    Row("Job unknown later (404)", _job("forgotten"), GOOD | FAILED),
    Row(
        "Poll of the job: 429 with `Retry-After: 30`, five times",
        _polls(status=429, times=5, headers={"Retry-After": "30"}),
    ),
    Row("Poll of the job: 404 of a proxy, once, twice", _not_found("<html>", 1, 2)),
    Row(
        "Poll of the job: 404 of a proxy, for ever",
        _not_found("<html>", FOR_EVER),
        frozenset({"deadline_exceeded"}),
    ),
    Row("Poll of the job: 404 of the provider's own, once", _not_found(NOT_FOUND, 1)),
    Row(
        "Poll of the job: 404 of the provider's own, twice or for ever",
        _not_found(NOT_FOUND, 2, FOR_EVER),
        GOOD | FAILED,
    ),
    Row("Poll of the job: 400 of a proxy, five times", _polls(status=400, times=5, body="<html>")),
    Row("Poll of the job: 503, five times", _polls(status=503, times=5, body="<html>")),
    Row("Link expired", _links(status=404, times=FOR_EVER), LOST, _with_bytes),
    Row("Link dead three times, then alive", _links(status=404, times=3), GOOD, _with_bytes),
    Row("Bytes truncated", _job("truncated"), LOST, _with_bytes),
    Row("Weights of something else", _job("foreign"), LOST, _trained),
    Row("Black safety frames", _job("blocked"), frozenset({"filtered"}), _generated),
    Row("Pictures in the answer itself", _job("inline"), GOOD, _generated),
    Row("Fewer pictures than ordered", _job("fewer"), GOOD, _generated),
)
