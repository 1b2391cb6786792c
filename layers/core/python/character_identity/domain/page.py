"""Pagination: a page is a stretch of a list, newest first, and says where the next one begins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, NamedTuple, Protocol, TypeVar

USUAL_ENTRIES, MOST_ENTRIES = 20, 100


class Position(NamedTuple):
    """The place of an entry in a list: its time, and its id among those of the same time.

    It does not move when entries come and go, so a page begins right where the one before it ended.
    """

    at: datetime
    entry_id: str


class Listed(Protocol):
    """What a list is of."""

    @property
    def position(self) -> Position: ...


Entry = TypeVar("Entry", bound=Listed)


@dataclass(frozen=True)
class Window:
    """Which entries are wanted: ``limit`` at most, those after a place, and none older than ``since``.

    ``where`` has values that attributes must have, by name.
    """

    limit: int = USUAL_ENTRIES
    after: Position | None = None
    since: datetime | None = None
    where: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Page(Generic[Entry]):
    """Entries, and the place after which there may be more; None at the end.

    With ``where`` a page may have few entries or none and not be the last: there is an end to how far one
    call looks.
    """

    entries: list[Entry]
    more_after: Position | None = None

    @classmethod
    def of(cls, entries: Iterable[Entry], window: Window) -> "Page[Entry]":
        """Return the page of a list that is there as a whole, in any order."""
        wanted = sorted(
            (entry for entry in entries if _is_wanted(entry, window)),
            key=lambda entry: entry.position,
            reverse=True,
        )
        shown = wanted[: window.limit]
        return cls(shown, shown[-1].position if len(wanted) > len(shown) else None)


def _is_wanted(entry: Listed, window: Window) -> bool:
    return (
        (window.after is None or entry.position < window.after)
        and (window.since is None or entry.position.at >= window.since)
        and all(getattr(entry, name) == value for name, value in window.where.items())
    )
