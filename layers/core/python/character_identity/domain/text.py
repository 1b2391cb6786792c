"""Text that goes out to providers."""

import re

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
