"""What is kept under an id, for whoever can do without it."""

from collections.abc import Callable
from typing import TypeVar

from character_identity.domain.errors import NotFound

Kept = TypeVar("Kept")


def get_or_none(get: Callable[[str], Kept], kept_id: str) -> Kept | None:
    """Return what a store's ``get`` returns; None where there is nothing, or nothing any more."""
    try:
        return get(kept_id)
    except NotFound:
        return None
