"""Corpus: hostile and odd inputs of one kind, each with what has to become of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.corpora.system import System

ACCEPTED = "accepted"
"""What becomes of an entry that is good enough; of any other the code by which it is refused."""

Try = Callable[[Any], str]


@dataclass(frozen=True)
class Entry:
    """One input; ``kind`` says what it tries."""

    name: str
    kind: str
    given: Any
    expected: str = ACCEPTED


@dataclass(frozen=True)
class Corpus:
    """Inputs of one kind. ``door`` prepares a system, and returns what tries an input on it."""

    name: str
    minimum: int
    entries: Callable[[], Iterator[Entry]]
    door: Callable[[System], Try]


def tried(corpus: Corpus) -> Iterator[tuple[Entry, str]]:
    """Try each entry through its door; each with what became of it.

    Raises:
        AssertionError: something was paid, stored or started, or an address was called that is not public.
    """
    with System.open() as system:
        try_one = corpus.door(system)
        system.remember()
        for entry in corpus.entries():
            outcome = try_one(entry.given)
            system.check_network(entry.name)
            yield entry, outcome
        system.check_nothing_stored()
