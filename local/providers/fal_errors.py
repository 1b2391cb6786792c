"""Failures as fal's models word them, and what a model call ends in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Location = Sequence[str | int]


@dataclass(frozen=True)
class Outcome:
    """How a model call ended: status and body of its result, and how much of it is billed."""

    status: int
    body: Json
    billable_units: float = 0

    @property
    def error_type(self) -> str | None:
        """Set when the platform failed, not the model."""
        kind = self.body.get("error_type")
        return kind if isinstance(kind, str) else None


class ModelError(Exception):
    """A model refused its input."""

    def __init__(self, detail: list[Json], status: int = 422) -> None:
        super().__init__(detail[0]["msg"])
        self.outcome = Outcome(status, {"detail": detail})


def problem(kind: str, loc: Location, msg: str, *, given: object = None, ctx: Json | None = None) -> Json:
    """One item of a model error's ``detail``."""
    item: Json = {"loc": list(loc), "msg": msg, "type": kind, "url": f"https://docs.fal.ai/errors/#{kind}"}
    if ctx is not None:
        item["ctx"] = ctx
    return {**item, "input": given}


def internal_server_error() -> Outcome:
    """What a crashed model leaves behind."""
    return Outcome(500, {"detail": [problem("internal_server_error", ["body"], "Internal server error")]})
