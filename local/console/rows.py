"""What lies in the table: jobs, slots, months of money, events, each with what tells something."""

from collections.abc import Iterable, Mapping
from typing import Any

from local.console.masking import masked

LATEST = 100
"""Rows of a kind."""

JOB = (
    *("job_id", "kind", "provider", "state", "money", "accepted_at", "deadline_at", "correlation_id"),
    *("reserved_microusd", "cost_microusd", "runs", "owner"),
)
EVENT = ("event_id", "type", "occurred_at", "owner", "due_at")
BUDGET = ("reserved", "committed", "assumed", "jobs")

Row = dict[str, Any]


def overview(rows: Iterable[Mapping[str, Any]]) -> dict[str, list[Row]]:
    """Return the rows that a person looks for, by kind, the latest first."""
    jobs, events, budgets, holders, waiting = [], [], [], [], []
    for row in rows:
        kind, _, rest = str(row["pk"]).partition("#")
        if kind == "JOB":
            jobs.append(_only(row, JOB))
        elif kind == "EVENT" and row["sk"] == "EVENT":
            events.append(_only(row, EVENT))
        elif kind == "BUDGET" and row["sk"] != "LIMIT":
            budgets.append({"owner": rest, "month": row["sk"], **_only(row, BUDGET)})
        elif kind == "SLOTS":
            if "holders" in row:
                holders += [{"account": rest, "has": "a slot", **each} for each in row["holders"]]
            else:
                waiting.append({"account": rest, "has": "to wait", "job_id": row["sk"].partition("#")[2]})
    return {
        "jobs": _latest(jobs, "accepted_at"),
        "events": _latest(events, "occurred_at"),
        "budgets": _latest(budgets, "month"),
        "slots": masked([*holders, *waiting])[:LATEST],
    }


def _only(row: Mapping[str, Any], names: Iterable[str]) -> Row:
    return masked({name: row[name] for name in names if row.get(name) is not None})  # type: ignore[no-any-return]


def _latest(rows: list[Row], by: str) -> list[Row]:
    return sorted(rows, key=lambda row: str(row.get(by, "")), reverse=True)[:LATEST]
