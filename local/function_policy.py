"""Whether a function lets the HTTP API call it."""

from collections.abc import Iterable
from fnmatch import fnmatchcase
from typing import Any

Document = dict[str, Any]


def lets_call(statements: Iterable[Document], api_id: str, stage: str, route_key: str) -> bool:
    """Return True if a function's policy allows a route's calls.

    They come from API/STAGE/METHOD/PATH, those of the route of all that has none from API/STAGE/$default:
    https://github.com/aws/serverless-application-model/issues/1860, read 2026-11-29.
    """
    caller = f"{api_id}/{stage}/{route_key.replace(' ', '', 1)}"
    sources = (each.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn") for each in statements)
    return any(source is None or fnmatchcase(caller, source.split(":", 5)[5]) for source in sources)
