"""Steps: what a call does, told without doing it, so that it is told once for two clients.

A step that needs the world yields an effect, and gets what came of it. ``ApiClient`` has effects happen while
it blocks, ``AsyncApiClient`` while it awaits.
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import httpx

T = TypeVar("T")
Entry = TypeVar("Entry")


@dataclass(frozen=True, kw_only=True)
class Send:
    """Send a request; gives the response, read to its end, or the error that there is none.

    To a path it goes to the API with the token; to a link without it, for links carry their own permission.
    """

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, str] = field(default_factory=dict)
    json: Any = None
    form: Mapping[str, str] | None = None
    file: tuple[str, bytes, str] | None = None  # a name, content and type, after the form's fields
    leads_on: bool = False  # whether the answer may be that another address has it

    @property
    def to_the_api(self) -> bool:
        """Return True if the token goes with it."""
        return self.url.startswith("/")


@dataclass(frozen=True)
class Sleep:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True)
class Now:
    """Gives the seconds that have passed since some moment."""


@dataclass(frozen=True)
class Do:
    """Gives what a function returns that reads files or computes for a while."""

    function: Callable[[], Any]


@dataclass(frozen=True)
class Found(Generic[Entry]):
    """Here is an entry of a list; who reads the list may want no more of it."""

    entry: Entry


Outcome = httpx.Response | httpx.TransportError
Effect = Send | Sleep | Now | Do
Steps = Generator[Effect, Any, T]
"""Ends with what the call returns."""
Entries = Generator[Effect | Found[T], Any, None]
"""Finds the entries of a list, page by page, as they are asked for."""
