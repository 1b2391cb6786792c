"""Faults of the one call that costs money."""

from typing import Any

import httpx

from tests.faults.rows import GOOD, UNKNOWN, Arrange, Row, Split, at_call, raising
from tests.faults.scenario import Scenario
from tests.support.in_process.fault_injection import Side

STATUSES = (500, 502, 503, 504)
PAGE = "<html><head><title>Bad gateway</title></head></html>"
BUSY = {"detail": "slow down"}


def _cut(side: Side, error: Exception) -> Arrange:
    def arrange(scenario: Scenario, split: Split) -> None:
        at_call(scenario, scenario.workflow.paid_call, side, raising(error))

    return arrange


def _answers(*statuses: int, **fault: Any) -> Arrange:
    """Answers the call with each of the statuses."""

    def arrange(scenario: Scenario, split: Split) -> None:
        for status in statuses:
            if len(statuses) == 1 or split(str(status)):
                scenario.arm(scenario.workflow.submit, "reply", status=status, **fault)
                return

    return arrange


def _without_webhooks(arrange: Arrange) -> Arrange:
    def both(scenario: Scenario, split: Split) -> None:
        scenario.harness.change(WEBHOOK_URL="off")
        arrange(scenario, split)

    return both


_cut_after = _cut("after", httpx.ReadError("cut"))
_errors_after = _answers(*STATUSES, accepted=True, body=PAGE)

ROWS = (
    Row("Order: no connection", _cut("before", httpx.ConnectError("refused"))),
    Row("Order: cut before it was accepted", _cut("before", httpx.ReadError("cut")), GOOD | UNKNOWN),
    Row("Order: cut after it was accepted", _cut_after),
    Row("Order: cut after it was accepted, webhooks off", _without_webhooks(_cut_after), GOOD | UNKNOWN),
    Row("Order: 429 without `Retry-After`, three times", _answers(429, times=3, body=BUSY)),
    Row(
        "Order: 429 with `Retry-After: 90`, three times",
        _answers(429, times=3, body=BUSY, headers={"Retry-After": "90"}),
    ),
    Row("Order: 500, 502, 503, 504 before it was accepted", _answers(*STATUSES, body=PAGE), GOOD | UNKNOWN),
    Row("Order: 500, 502, 503, 504 after it was accepted", _errors_after),
    Row(
        "Order: 500, 502, 503, 504 after it was accepted, webhooks off",
        _without_webhooks(_errors_after),
        GOOD | UNKNOWN,
    ),
    Row(
        "Order: refused (402, 422)",
        _answers(402, 422, body={"detail": "no"}),
        frozenset({"provider_rejected"}),
    ),
)
