"""Astria's lists of tunes and prompts, newest first, searched for what an order made.

https://docs.astria.ai/docs/api/tune/list and https://github.com/astriaai/cli, read 2026-11-22.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal

from character_identity.domain.errors import ProviderUnavailable
from character_identity.domain.job import JobHandle
from character_identity.outbound.provider_http import ProviderHttpClient
from character_identity.ports.providers import Found
from character_identity.providers.answers import time, whole

PAGE_SIZE = 120
"""The most that a list answers at once."""
MAX_PAGES = 10

Thing = dict[str, Any]
Match = Literal["yes", "no", "perhaps"]
Wanted = Callable[[Thing], Match]


class AstriaLists:
    """Finds things in lists.

    Who finds nothing may order again, so absence is concluded only from what was understood whole: an entry
    that is not understood is perhaps ours.
    """

    def __init__(self, api: ProviderHttpClient) -> None:
        self._api = api

    def newest(self, url: str, wanted: Wanted, since: datetime | None = None, **filters: str) -> Found:
        """All things of a list that are wanted and not older than ``since``; without it the newest.

        Raises:
            ProviderUnavailable: nobody can tell that it is not there: the list has no end, or holds something
                that is not understood.
        """
        before: dict[str, int] = {}
        found: list[JobHandle] = []
        understood = True
        for _ in range(MAX_PAGES):
            page = self._page(url, {**filters, **before})
            things = [thing for thing in page if isinstance(thing, dict) and is_id(thing.get("id"))]
            understood = understood and len(things) == len(page)
            for thing in things:
                if since is not None and _created_at(thing) < since:
                    return _concluded(found, understood)
                match = wanted(thing)
                if match == "yes":
                    found.append(_handle(thing))
                    if since is None:
                        return Found(certain=tuple(found))
                understood = understood and match != "perhaps"
            if not things:
                return _concluded(found, understood)
            before = {"before_id": min(whole(thing["id"]) or 0 for thing in things)}
        if found:
            return Found(certain=tuple(found), is_whole=False)
        raise ProviderUnavailable("astria", f"lists more than {MAX_PAGES * PAGE_SIZE} newer things")

    def among_newest(self, url: str, wanted: Wanted) -> Found:
        """The newest thing on the first page of a list that is wanted. Raises as ``newest``."""
        understood = True
        for thing in self._page(url, {}):
            match = wanted(thing) if isinstance(thing, dict) and is_id(thing.get("id")) else "perhaps"
            if match == "yes":
                return Found(certain=(_handle(thing),))
            understood = understood and match == "no"
        return _concluded([], understood)

    def _page(self, url: str, params: dict[str, Any]) -> list[Any]:
        page = self._api.call("GET", url, params={"limit": PAGE_SIZE, **params})
        if not isinstance(page, list):
            raise ProviderUnavailable("astria", "answered something that is not a list")
        return page


def is_id(value: Any) -> bool:
    """Tell what can be the id of a thing: a number, which may have come as text."""
    return bool(whole(value))


def same_words(said: Any, sent: str) -> Match:
    """Compare a text with the one that was sent; a server may have trimmed it."""
    if not isinstance(said, str):
        return "perhaps"
    return "yes" if said.split() == sent.split() else "no"


def _concluded(found: list[JobHandle], understood: bool) -> Found:
    if not found and not understood:
        raise ProviderUnavailable("astria", "lists something that is not understood, and may be ours")
    return Found(certain=tuple(found), is_whole=understood)


def _handle(thing: Thing) -> JobHandle:
    return JobHandle(provider_job_id=str(whole(thing["id"])))


def _created_at(thing: Thing) -> datetime:
    """When it was made; one that does not say so in a way we read counts as new."""
    return time(thing.get("created_at")) or datetime.max.replace(tzinfo=UTC)
