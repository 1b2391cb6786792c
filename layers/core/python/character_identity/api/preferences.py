"""Preferences: what a caller would rather have, by the header Prefer (RFC 7240, read 2026-11-28)."""

import re
from collections.abc import Mapping
from typing import NamedTuple

_TOKEN = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[^"\\]|\\.)*"'
_PART = re.compile(rf"({_TOKEN})(?:[ \t]*=[ \t]*({_TOKEN}|{_QUOTED})?)?")
"""A preference, or a parameter of one, in the grammar of section 2; the value may be empty."""
LONGEST_HEADER = 1_000
"""Characters. Each quote that is not closed is looked for to the end: 10 KB of them took a second."""


class Preference(NamedTuple):
    """The value of a preference and its parameters by name; an empty one where there is none."""

    value: str
    parameters: Mapping[str, str]


def preferences(header: str) -> dict[str, Preference]:
    """Return the preferences of a header by name, names in lower case.

    Of those that come twice the first counts (section 2). What is not of the grammar is left out, for nobody
    has to do what is preferred; so is all of a header of more than LONGEST_HEADER characters.
    """
    if len(header) > LONGEST_HEADER:
        return {}
    found: dict[str, Preference] = {}
    for element in _split(header, ","):
        preference, *parameters = map(_part, _split(element, ";") or [""])
        if preference is not None:
            name, value = preference
            by_name = dict(reversed([each for each in parameters if each is not None]))
            found.setdefault(name, Preference(value, by_name))
    return found


def _split(text: str, separator: str) -> list[str]:
    """Split, but not within quotes; one that is not closed quotes nothing."""
    return re.findall(rf'(?:[^"{separator}]|{_QUOTED}|")+', text)


def _part(text: str) -> tuple[str, str] | None:
    part = _PART.fullmatch(text.strip(" \t"))
    if part is None:
        return None
    value = part[2] or ""
    return part[1].lower(), re.sub(r"\\(.)", r"\1", value[1:-1]) if value.startswith('"') else value
