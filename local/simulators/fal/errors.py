"""Failures as fal's models and its platform word them, and what a model call ends in."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

Json = dict[str, Any]
Location = Sequence[str | int]


@dataclass(frozen=True)
class FalAnswer:
    """The end of a model call: status, body and headers of its result, and how much of it is billed."""

    status: int
    body: Json
    billable_units: float = 0
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def error_type(self) -> str | None:
        """Set when the platform failed, not the model."""
        kind = self.body.get("error_type")
        return kind if isinstance(kind, str) else None

    @property
    def links(self) -> list[str]:
        """The addresses of the files that it made."""
        return list(_links(self.body))


def _links(body: Any) -> Iterator[str]:
    if isinstance(body, dict):
        url = body.get("url")
        if isinstance(url, str) and not url.startswith("data:"):
            yield url
    for value in body.values() if isinstance(body, dict) else body if isinstance(body, list) else ():
        yield from _links(value)


class ModelError(Exception):
    """A model refused its input; ``detail`` says why, one item for each reason."""

    def __init__(self, detail: list[Json]) -> None:
        super().__init__(detail[0]["msg"])
        self.detail = detail


def problem(kind: str, loc: Location, msg: str, *, given: object = None, ctx: Json | None = None) -> Json:
    """One item of a model error's ``detail``."""
    item: Json = {"loc": list(loc), "msg": msg, "type": kind, "url": f"https://docs.fal.ai/errors/#{kind}"}
    if ctx is not None:
        item["ctx"] = ctx
    return {**item, "input": given}


def internal_server_error() -> FalAnswer:
    """Return the answer of a crashed model."""
    return FalAnswer(500, {"detail": [problem("internal_server_error", ["body"], "Internal server error")]})


def platform_error(status: int, error_type: str, detail: str) -> FalAnswer:
    """A failure that is not the model's."""
    return FalAnswer(status, {"detail": detail, "error_type": error_type})


def start_timeout(*, wished: bool) -> FalAnswer:
    """Return the end of a call that did not start in time; ``wished``: in the time its caller gave it."""
    outcome = platform_error(504, "request_timeout", "Request timed out before it started")
    return replace(outcome, headers={"x-fal-request-timeout-type": "user"}) if wished else outcome
