"""Small JSON documents that others publish, such as their keys."""

import json
from typing import Any

import httpx

from character_identity.domain.errors import InvalidRequest
from character_identity.outbound.client import TooManyBytes, received
from character_identity.outbound.urls import parse_url

UNREADABLE = (httpx.RequestError, InvalidRequest, TooManyBytes, ValueError, RecursionError)
"""Errors of reading: no answer in time, a URL that may not be called, no or too much JSON."""


def read_json(client: httpx.Client, url: str, limit_bytes: int) -> Any:
    """Return the JSON at an address, which itself has to have it: no redirect is followed.

    Raises one of UNREADABLE.
    """
    headers = {"Accept": "application/json"}
    with client.stream("GET", parse_url(url), headers=headers) as answer:
        if not answer.is_success:
            raise ValueError(f"the host answered {answer.status_code}")
        return json.loads(b"".join(received(answer, limit_bytes)))
