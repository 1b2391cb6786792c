"""What a call of fal asks for beside the model's input: in its headers and its query."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from starlette.requests import Request

from local.providers.clock import NEVER

LIFECYCLE_HEADERS = ("x-fal-object-lifecycle", "x-fal-object-lifecycle-preference")
RECORDED_PREFIXES = ("x-fal-", "x-app-fal-")


class BadOption(Exception):
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
    def of(cls, request: Request) -> "CallOptions":
        """What this request asks for.

        Raises:
            BadOption: it cannot be read.
        """
        longest_queue = _number(request.query_params.get("fal_max_queue_length"), "fal_max_queue_length")
        return cls(
            start_timeout_s=_number(request.headers.get("x-fal-request-timeout"), "X-Fal-Request-Timeout"),
            lifetime_s=file_lifetime_s(request.headers),
            webhook=request.query_params.get("fal_webhook"),
            longest_queue=None if longest_queue is None else int(longest_queue),
            headers={
                name: value for name, value in request.headers.items() if name.startswith(RECORDED_PREFIXES)
            },
        )

    def start_by(self, now: datetime) -> datetime:
        """When a call of now must have started."""
        return NEVER if self.start_timeout_s is None else now + timedelta(seconds=self.start_timeout_s)


def file_lifetime_s(headers: Mapping[str, str]) -> float | None:
    """How long the caller wants files to last; None: no wish.

    Raises:
        BadOption: the wish cannot be read.
    """
    for name in LIFECYCLE_HEADERS:
        if name in headers:
            try:
                seconds = json.loads(headers[name]).get("expiration_duration_seconds")
            except (ValueError, AttributeError) as exc:
                raise BadOption(f"{name} is not a JSON object") from exc
            return _number(seconds or None, name)  # the servers take 0 for no limit
    return None


def _number(text: str | float | None, name: str) -> float | None:
    try:
        number = None if text is None else float(text)
    except (TypeError, ValueError) as exc:
        raise BadOption(f"{name} is not a number") from exc
    if number is not None and not 0 <= number < 1e9:
        raise BadOption(f"{name} is out of range")
    return number
