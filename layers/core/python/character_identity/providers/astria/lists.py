"""Astria's lists of tunes and prompts, newest first, searched for what an order made.

https://docs.astria.ai/docs/api/tune/list and https://github.com/astriaai/cli, read 2026-11-22.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from character_identity.domain.errors import ProviderUnavailable
from character_identity.domain.job import JobHandle
from character_identity.outbound.provider_http import ProviderHttpClient

PAGE_SIZE = 120
"""The most that a list answers at once."""
MAX_PAGES = 10

Thing = dict[str, Any]
Wanted = Callable[[Thing], bool]


class AstriaLists:
    """Finds things in lists. Who finds nothing may order again, so an answer that says little is an error."""

    def __init__(self, api: ProviderHttpClient) -> None:
        self._api = api

    def newest(
        self, url: str, wanted: Wanted, since: datetime | None = None, **filters: str
    ) -> JobHandle | None:
        """The newest thing of a list that is wanted and not older than ``since``.

        Raises:
            ProviderUnavailable: the list has no end, so that nobody can tell that it is not there.
        """
        before: dict[str, int] = {}
        for _ in range(MAX_PAGES):
            things = self._page(url, {**filters, **before})
            if not things:
                return None
            for thing in things:
                if since is not None and _created_at(thing) < since:
                    return None
                if wanted(thing):
                    return _handle(thing)
            before = {"before_id": min(thing["id"] for thing in things)}
        raise ProviderUnavailable("astria", f"lists more than {MAX_PAGES * PAGE_SIZE} newer things")

    def among_newest(self, url: str, wanted: Wanted) -> JobHandle | None:
        """The newest thing on the first page of a list that is wanted."""
        return next((_handle(thing) for thing in self._page(url, {}) if wanted(thing)), None)

    def _page(self, url: str, params: dict[str, Any]) -> list[Thing]:
        page = self._api.call("GET", url, params={"limit": PAGE_SIZE, **params})
        if not isinstance(page, list):
            raise ProviderUnavailable("astria", "answered something that is not a list")
        things = [thing for thing in page if isinstance(thing, dict) and is_id(thing.get("id"))]
        if page and not things:
            raise ProviderUnavailable("astria", "lists things without ids")
        return things


def is_id(value: Any) -> bool:
    """Whether it can be the id of a thing."""
    return isinstance(value, int) and not isinstance(value, bool)


def same_words(told: Any, sent: str) -> bool:
    """Whether a text is the one that was sent; a server may have trimmed it."""
    return isinstance(told, str) and told.split() == sent.split()


def _handle(thing: Thing) -> JobHandle:
    return JobHandle(provider_job_id=str(thing["id"]))


def _created_at(thing: Thing) -> datetime:
    """When it was made; one that does not say so in a way we read counts as new."""
    try:
        created_at = datetime.fromisoformat(thing["created_at"])
    except (KeyError, TypeError, ValueError):
        return datetime.max.replace(tzinfo=UTC)
    return created_at if created_at.tzinfo else created_at.replace(tzinfo=UTC)
