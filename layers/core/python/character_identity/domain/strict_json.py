"""JSON that every reader takes for the same: Python's own takes more, and another may take it otherwise."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any

from character_identity.domain.text import shortened

LONGEST_NAME = 100
"""Characters of a name that a message shows."""


def read(text: str | bytes, number: Callable[[str], Any] = float) -> Any:
    """Return what a JSON text says; ``number`` reads those that are not written as whole ones.

    Raises:
        ValueError: it is no JSON, has a name twice in an object (RFC 8259, 4: which value counts is open),
            NaN or Infinity, or too many levels for Python's reader; the message says which.
    """
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number, parse_float=number)
    except RecursionError as exc:
        raise ValueError("it has too many levels") from exc


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) != len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = next(name for name in content if times[name] > 1)
        raise ValueError(f"{shortened(twice, LONGEST_NAME)} stands there twice")
    return content


def _no_number(constant: str) -> Any:
    raise ValueError(f"{constant} is no number of JSON")
