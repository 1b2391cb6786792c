"""The demo's progress while it works."""

import io
from typing import Any

from rich import progress
from rich.console import Console

from character_identity_client import Evaluation
from local.progress import Bar, showing


def evaluation(phase: str = "pictures", per_cent: int = 40, **changes: Any) -> Evaluation:
    counts = {"total": 50, "done": 20, "failed": 1}
    return Evaluation.model_validate(
        {
            "evaluationId": "e-1",
            "name": "Sarah",
            "status": "running",
            "phase": phase,
            "progress": per_cent,
            "costUsd": 0.5,
            "maxCostUsd": 25,
            "counts": {
                "identities": {"total": 3, "done": 2, "failed": 0},
                "cells": counts,
                "images": {**counts, "scored": 7, "notScored": 1},
            },
            **changes,
        }
    )


def bar(seconds: list[float]) -> tuple[progress.Progress, Bar]:
    bars = progress.Progress(console=Console(file=io.StringIO()))
    return bars, Bar(bars, iter(seconds).__next__)


def test_a_bar_only_ever_grows_and_says_what_is_done_spent_and_left() -> None:
    bars, shown = bar([0, 10, 20, 30, 40])
    seen = []
    for phase, per_cent in (("identities", 0), ("identities", 20), ("pictures", 40), ("pictures", 30)):
        shown.show(evaluation(phase, per_cent))
        seen.append((bars.tasks[0].completed, bars.tasks[0].fields["step"]))
    assert seen == [
        (0, "identities 2 of 3, $0.50 of $25.00"),
        (20, "identities 2 of 3, $0.50 of $25.00, about 40 s left"),
        (40, "pictures 20 of 50 (1 failed), $0.50 of $25.00, about 30 s left"),
        (40, "pictures 20 of 50 (1 failed), $0.50 of $25.00, about 70 s left"),
    ]


def test_a_long_rest_is_told_in_minutes_and_an_end_has_none() -> None:
    bars, shown = bar([0, 100, 200])
    shown.show(evaluation(per_cent=0))
    shown.show(evaluation("scores", per_cent=10))
    assert bars.tasks[0].fields["step"] == "scores 8 of 20, $0.50 of $25.00, about 15 min left"
    shown.show(evaluation("report", per_cent=100, status="completed", maxCostUsd=None))
    assert bars.tasks[0].fields["step"] == "completed, $0.50"


def test_a_log_gets_one_line_for_each_phase() -> None:
    log = io.StringIO()
    with showing(Console(file=log)) as display:
        for phase in ("identities", "identities", "pictures"):
            display.show(evaluation(phase))
        display.show(evaluation("pictures", status="cancelling"))
    assert [line.split(",")[0] for line in log.getvalue().splitlines()] == [
        "identities 2 of 3",
        "pictures 20 of 50 (1 failed)",
        "cancelling",
    ]
