"""Calls as steps: repetitions, errors, pages, and answers read into models."""

from collections.abc import Mapping
from typing import Any, TypeVar
from urllib.parse import quote
from uuid import uuid4

import httpx
from pydantic import TypeAdapter, ValidationError

from character_identity_client.effects import Entries, Found, Outcome, Send, Sleep, Steps
from character_identity_client.errors import ApiError, unreadable

ATTEMPTS = 4
TRY_AGAIN = frozenset({429, 500, 502, 503, 504})
TOO_EARLY = frozenset({409, 429, 503})
"""With ``Retry-After``: an order with the same key is being worked on, or there were too many calls."""
MAX_RETRY_WAIT_S = 90.0
"""The longest to wait in all where the API says when to ask again; it continues a dead order after 60."""
FIRST_WAIT_S = 0.3
PAGE = "100"
"""Entries of a list that are asked for at once; the API gives no more."""

T = TypeVar("T")


def at(*parts: str) -> str:
    """The path of something of the API by its parts, in which nothing leads elsewhere."""
    return "/".join(["/v1", *(quote(part, safe="") for part in parts)])


def get(path: str, shape: Any, *, field: str | None = None, **query: str | None) -> Steps[Any]:
    """Read what is at a path, or one field of it, as a type that pydantic knows."""
    answer = yield from repeated(Send(method="GET", url=path, query=_given(query)))
    return read(shape, answer, field)


def post(
    path: str, shape: Any, body: Mapping[str, Any] | None = None, *, field: str | None = None
) -> Steps[Any]:
    """Post what may be posted again, since it orders nothing."""
    answer = yield from repeated(Send(method="POST", url=path, json=_given(body or {})))
    return read(shape, answer, field)


def post_once(path: str, shape: Any, body: Mapping[str, Any]) -> Steps[Any]:
    """Post what would be there twice if it was posted again after its answer was lost."""
    answer = yield from repeated(Send(method="POST", url=path, json=_given(body)), may_repeat=False)
    return read(shape, answer)


def order(path: str, shape: Any, body: Mapping[str, Any], idempotency_key: str | None) -> Steps[Any]:
    """Post what costs money; every attempt carries the same key."""
    headers = {"Idempotency-Key": idempotency_key or str(uuid4())}
    answer = yield from repeated(Send(method="POST", url=path, json=_given(body), headers=headers))
    return read(shape, answer)


def change(path: str, shape: Any, body: Mapping[str, Any]) -> Steps[Any]:
    """Change what is at a path, in what is given of it; twice is as once."""
    answer = yield from repeated(Send(method="PATCH", url=path, json=dict(body)))
    return read(shape, answer)


def delete(path: str, shape: Any) -> Steps[Any]:
    """Delete what is at a path."""
    answer = yield from repeated(Send(method="DELETE", url=path))
    return None if shape is None else read(shape, answer)


def pages(path: str, field: str, shape: Any, query: Mapping[str, str | None]) -> Entries[Any]:
    """The entries of a list; a page without any is not the end, one without a cursor is."""
    cursor: str | None = None
    while True:
        wanted = _given({"limit": PAGE, "cursor": cursor, **query})
        answer = yield from repeated(Send(method="GET", url=path, query=wanted))
        for entry in read(list[shape], answer, field):
            yield Found(entry)
        cursor = _json(answer).get("nextCursor")
        if cursor is None:
            return


def repeated(request: Send, *, may_repeat: bool = True) -> Steps[httpx.Response]:
    """The answer to a request, which is sent again where that may help, or when the API says so.

    Raises:
        ApiError: it was refused.
        httpx.TransportError: there is no answer.
    """
    failures, waited_s = 0, 0.0
    while True:
        outcome: Outcome = yield request
        delay_s = _told_to_wait_s(outcome)
        if delay_s is None and may_repeat and _may_pass(outcome):
            failures += 1
            delay_s = FIRST_WAIT_S * 2**failures if failures < ATTEMPTS else None
        if delay_s is None or waited_s + delay_s > MAX_RETRY_WAIT_S:
            if isinstance(outcome, httpx.TransportError):
                raise outcome
            if request.leads_on and outcome.has_redirect_location:
                return outcome
            return _raise_for_error(outcome)
        yield Sleep(delay_s)
        waited_s += delay_s


def read(shape: Any, answer: httpx.Response, field: str | None = None) -> Any:
    """An answer, or one field of it, as a type that pydantic knows.

    Raises:
        ApiError: it is of another shape.
    """
    content = _json(answer)
    if field is not None:
        if not isinstance(content, dict) or field not in content:
            raise unreadable(f"no {field}")
        content = content[field]
    try:
        return TypeAdapter(shape).validate_python(content)
    except ValidationError as exc:
        fields = [".".join(map(str, error["loc"])) for error in exc.errors(include_input=False)]
        raise unreadable(", ".join(fields)) from None  # which quotes what was sent: links, a secret


def _json(answer: httpx.Response) -> Any:
    try:
        return answer.json()
    except ValueError:
        raise unreadable("not JSON") from None  # which has all of it


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _raise_for_error(response: httpx.Response) -> httpx.Response:
    """The response, unless it says that the call failed."""
    if response.is_success:
        return response
    try:
        body = response.json()
    except ValueError:
        body = {}
    problem = body if isinstance(body, dict) else {}
    code = str(problem.get("code") or "unknown")
    message = str(problem.get("message") or response.reason_phrase or "no explanation")
    request_id = response.headers.get("x-request-id")
    raise ApiError(response.status_code, code, message, request_id, problem.get("details"))


def _told_to_wait_s(outcome: Outcome) -> float | None:
    """After how long the API wants to be asked again; None if it does not say, or does not want it."""
    if isinstance(outcome, httpx.TransportError) or outcome.status_code not in TOO_EARLY:
        return None
    seconds = outcome.headers.get("Retry-After", "")
    return max(float(seconds), FIRST_WAIT_S) if seconds.isdecimal() else None


def _may_pass(outcome: Outcome) -> bool:
    return isinstance(outcome, httpx.TransportError) or outcome.status_code in TRY_AGAIN
