"""Options of a call of fal beside the model's input: in its headers and its query."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from jsonschema import Draft202012Validator
from starlette.requests import Request

from local.simulators.clock import NEVER
from local.simulators.contracts import closed

UPLOAD_LIFECYCLE, OUTPUT_LIFECYCLE = "x-fal-object-lifecycle", "x-fal-object-lifecycle-preference"
DECISION = {"enum": ["hide", "forbid", "allow"]}
LIFECYCLE = {
    "type": "object",
    "properties": {
        "expiration_duration_seconds": {"type": ["integer", "null"], "minimum": 0},
        "initial_acl": {
            "type": "object",
            "properties": {
                "default": DECISION,
                "rules": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"user": {"type": "string"}, "decision": DECISION},
                        "required": ["user", "decision"],
                    },
                },
            },
        },
    },
}
"""The content of a lifecycle header, as JSON."""
RECORDED_PREFIXES = ("x-fal-", "x-app-fal-")


class BadCallOption(Exception):
    """A header or a parameter does not hold what it should."""


@dataclass(frozen=True)
class CallOptions:
    """Wishes of one call; ``headers`` are all of fal's own that came, for the ledger."""

    start_timeout_s: float | None
    lifetime_s: float | None
    webhook: str | None
    longest_queue: int | None
    headers: Mapping[str, str]

    @classmethod
    def of(cls, request: Request, *, strict: bool) -> "CallOptions":
        """Read a request's options; when strict, refuse those that its headers give to uploads only.

        Raises:
            BadCallOption: it cannot be read.
        """
        if strict and UPLOAD_LIFECYCLE in request.headers:
            raise BadCallOption(f"{UPLOAD_LIFECYCLE} says nothing about outputs (a strict simulator)")
        longest_queue = _number(request.query_params.get("fal_max_queue_length"), "fal_max_queue_length")
        return cls(
            start_timeout_s=_number(request.headers.get("x-fal-request-timeout"), "X-Fal-Request-Timeout"),
            lifetime_s=_lifetime_s(request.headers, OUTPUT_LIFECYCLE, strict=strict),
            webhook=request.query_params.get("fal_webhook"),
            longest_queue=None if longest_queue is None else int(longest_queue),
            headers={
                name: value for name, value in request.headers.items() if name.startswith(RECORDED_PREFIXES)
            },
        )

    def start_by(self, now: datetime) -> datetime:
        """Return the time by which a call of now must have started."""
        return NEVER if self.start_timeout_s is None else now + timedelta(seconds=self.start_timeout_s)


def upload_lifetime_s(headers: Mapping[str, str], *, strict: bool) -> float | None:
    """Return the lifetime that the caller wants for an uploaded file; None: no wish. Either header will do.

    Raises:
        BadCallOption: the wish cannot be read, or when strict there are two.
    """
    wishes = [
        _lifetime_s(headers, name, strict=strict)
        for name in (UPLOAD_LIFECYCLE, OUTPUT_LIFECYCLE)
        if name in headers
    ]
    if strict and len(set(wishes)) > 1:
        raise BadCallOption("the two lifecycle headers differ (a strict simulator)")
    return wishes[0] if wishes else None


def _lifetime_s(headers: Mapping[str, str], name: str, *, strict: bool) -> float | None:
    if name not in headers:
        return None
    try:
        wish = json.loads(headers[name])
    except ValueError as exc:
        raise BadCallOption(f"{name} is not JSON") from exc
    for error in Draft202012Validator(closed(LIFECYCLE) if strict else LIFECYCLE).iter_errors(wish):
        raise BadCallOption(f"{name}: {error.message}")
    return _number(wish.get("expiration_duration_seconds") or None, name)  # the servers take 0 for no limit


def _number(text: str | float | None, name: str) -> float | None:
    try:
        number = None if text is None else float(text)
    except (TypeError, ValueError) as exc:
        raise BadCallOption(f"{name} is not a number") from exc
    if number is not None and not 0 <= number < 1e9:
        raise BadCallOption(f"{name} is out of range")
    return number
