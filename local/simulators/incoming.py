"""Reads what both providers need of a request."""

import json
from typing import Any

from starlette.requests import Request


def origin_of(request: Request) -> str:
    """Scheme, host and port under which the caller sees us: links are made with it."""
    return f"{request.url.scheme}://{request.url.netloc}"


def root_of(request: Request) -> str:
    """The base URL of the API that the caller uses."""
    return origin_of(request) + str(request.scope["root_path"])


def parsed(body: bytes) -> Any:
    """The JSON in a body, or None."""
    try:
        return json.loads(body)
    except ValueError:
        return None
