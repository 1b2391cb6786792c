"""Whose a thing is: another's is answered exactly like one that is not there."""

from typing import Protocol, TypeVar

from character_identity.domain.errors import NotFound, Thing


class Owned(Protocol):
    """What belongs to somebody."""

    @property
    def owner(self) -> str: ...


Kept = TypeVar("Kept", bound=Owned)


def owned(owner: str, kept: Kept | None, thing: Thing, thing_id: str) -> Kept:
    """Return what is kept under an id, if it is this owner's.

    Raises:
        NotFound: there is none, or it is another's.
    """
    if kept is None or kept.owner != owner:
        raise NotFound.of(thing, thing_id)
    return kept
