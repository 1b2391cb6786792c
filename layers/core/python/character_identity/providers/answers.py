"""Reads the fields of providers' answers: the shapes that are documented, and those that were seen instead.

What cannot be what it stands for reads None, or nothing in a list, so the rest of an answer is not lost with
it: numbers come as text, pictures as addresses or as objects with one, and a list of one as its only entry.
"""

import re
from datetime import UTC, datetime
from typing import Any

from character_identity.domain.generation import ProducedImage

LONGEST_LINK = 4096
"""Characters. Eight of them go into a row, which takes 400 KB; signed links of S3 have about 1,500."""
LARGEST_NUMBER = 1e6
"""No cost in dollars or megapixels and no time in seconds of one job is larger."""
LARGEST_WHOLE = 2**63 - 1
REQUEST_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")
"""fal's are UUIDs."""


def number(value: Any, largest: float = LARGEST_NUMBER) -> float | None:
    """A number from 0 to ``largest``."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        read = float(value)
    except (ValueError, OverflowError):
        return None
    return read if 0 <= read <= largest else None


def whole(value: Any) -> int | None:
    """A whole number from 0 on that a table can hold."""
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        value = int(value)
    is_whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= LARGEST_WHOLE
    return value if is_whole else None


def entries(value: Any) -> list[Any]:
    """The entries of a list; a text or an object in its place is the only one."""
    if isinstance(value, list):
        return value
    return [value] if value and isinstance(value, str | dict) else []


def link(value: Any) -> str | None:
    """An address, which may be the ``url`` of an object."""
    url = value.get("url") if isinstance(value, dict) else value
    if not isinstance(url, str) or not (url := _as_browsers_read(url)) or not url.isprintable():
        return None
    return url if len(url) <= LONGEST_LINK else None


def _as_browsers_read(url: str) -> str:
    """An address without blanks, and with a scheme: what lies there was paid for."""
    url = url.strip().replace(" ", "%20")
    return f"https:{url}" if url.startswith("//") else url


def picture(value: Any) -> ProducedImage:
    """A picture at its address, or in it: a data URI may have any length."""
    url = value.get("url") if isinstance(value, dict) else value
    if isinstance(url, str) and ProducedImage.is_inline(url):
        return ProducedImage(url=url)
    return ProducedImage(url=link(value))


def time(value: Any) -> datetime | None:
    """A time in ISO 8601; without a zone it is UTC."""
    try:
        read = datetime.fromisoformat(value)
    except (TypeError, ValueError):
        return None
    return read if read.tzinfo else read.replace(tzinfo=UTC)


def seconds_between(start: Any, end: Any) -> float | None:
    """Seconds between two times of an answer."""
    began, ended = time(start), time(end)
    return number((ended - began).total_seconds()) if began and ended else None
