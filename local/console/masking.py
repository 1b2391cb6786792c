"""Takes out of what is shown whatever would let its reader do something."""

import re
from typing import Any

SECRET = re.compile(r"token|secret|password|authorization|signature", re.IGNORECASE)
"""In the name of a field."""
SIGNED_LINK = re.compile(
    r"(https?://[^\s\"'?]+)\?[^\s\"']*(?:Signature|token|Expires)=[^\s\"']*", re.IGNORECASE
)
BEARER = re.compile(r"\b(Bearer|Key)\s+[\w.~+/:=-]{8,}", re.IGNORECASE)
HIDDEN = "(hidden)"


def masked(value: Any) -> Any:
    """Return a JSON value without secrets, and links without what they are signed with."""
    if isinstance(value, dict):
        return {
            name: HIDDEN if SECRET.search(str(name)) and inner else masked(inner)
            for name, inner in value.items()
        }
    if isinstance(value, list):
        return [masked(inner) for inner in value]
    if isinstance(value, str):
        return BEARER.sub(rf"\1 {HIDDEN}", SIGNED_LINK.sub(rf"\1?{HIDDEN}", value))
    return value
