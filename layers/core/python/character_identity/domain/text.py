"""Text of others: what may go out to providers, and how much of it is kept and shown."""

import re

LONGEST_MESSAGE = 1_000
"""Characters that a person reads. A row takes 400 KB, a cause in the console 32,768 characters."""
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What a spreadsheet takes for a formula: OWASP ASVS 5.0, 1.2.10, read 2026-11-29; and line breaks."""

_CONTROLS = re.compile(r"[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # all but line breaks


def without_controls(text: str) -> str:
    """Return a text that holds no control character but line breaks, as a validator of pydantic does.

    Raises:
        ValueError: it holds one: NUL and its like end a prompt, or crash what reads it.
    """
    found = _CONTROLS.search(text)
    if found:
        raise ValueError(f"Take out the control character U+{ord(found[0]):04X} at position {found.start()}.")
    return text


def counted(number: int, thing: str) -> str:
    """So many things, in words: ``1 picture``, ``2 pictures``."""
    return f"{number} {thing}" if number == 1 else f"{number} {thing}s"


def shortened(text: str, most: int = LONGEST_MESSAGE) -> str:
    """Return a text of at most so many characters; the last one says where more was left out."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
