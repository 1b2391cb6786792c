"""Questions to whoever sits at the terminal."""

import sys
from collections.abc import Callable

Ask = Callable[[str], str]
"""Asks a question, and returns the answer."""


def asker() -> Ask | None:
    """Return what asks whoever sits at the terminal; None where nobody does."""
    return _answer if sys.stdin is not None and sys.stdin.isatty() else None


def _answer(question: str) -> str:
    """The answer to a question; the end of the input (Ctrl-D) is an empty one."""
    try:
        return input(question)
    except EOFError:
        return ""
