"""Takes out of a text what a provider would read as a command, so that only prose leaves.

Astria reads flags, tags and more in a prompt, and some cost extra, such as ``--outpaint`` and ``--video``
(https://docs.astria.ai/docs/features/outpainting and .../features/video, read 2026-11-28). A caller who
writes them would order what nobody set money aside for.
"""

import re
from typing import NamedTuple

_GAPS = "\u00ad\u200b-\u200d\u2060\ufeff"  # not seen, but dropped by some on the way
_DASH = f"[-\u2010-\u2015\u2212\ufe58\ufe63\uff0d][{_GAPS}]*"
_LONG_DASH = f"[\u2013-\u2015\u2212\ufe58][{_GAPS}]*"  # what keyboards make of two hyphens
_DASHES = f"(?:(?:{_DASH}){{2,}}|{_LONG_DASH})"
_QUOTED = r"\"[^\"]*\"|'[^']*'|\u201c[^\u201d]*\u201d"
_WITH_VALUE = r"\w*(?:prompt|model|duration|outpaint|height|width|dilate|blur|offset|size|url|image|ar)"
_VALUE = rf"(?:\s*=\s*(?:{_QUOTED}|\S+)|\s+(?:{_QUOTED}|[-+]?\d\S*|true\b|false\b|\w+(?:[-_]\w+)+))"

_COMMANDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("Tags such as <lora:1:1> were left out of the prompt.", re.compile(r"<[^<>]*:[^<>]*>")),
    ("Placeholders such as {{x}} were left out of the prompt.", re.compile(r"\{\{[^{}]*\}\}|\{\{|\}\}")),
    (
        "Flags such as --video were left out of the prompt.",
        re.compile(
            rf"(?<!\w){_DASHES}(?:{_WITH_VALUE}\b(?:{_VALUE}|\s+[^\W\d][^\s,.;]*)?|[^\W\d]\w*{_VALUE}?)",
            re.IGNORECASE,
        ),
    ),
    ("BREAK was left out of the prompt.", re.compile(r"(?<!\w)BREAK(?!\w)")),
)
_INSIDE_A_WORD = re.compile(rf"(?<=\w)(?:{_DASH}){{2,}}(?=\w)")


class Prose(NamedTuple):
    """A text without commands, and what was left out of it, in sentences."""

    text: str
    warnings: list[str]


def prose(text: str) -> Prose:
    """Take out commands until none is found: taking one out may put another together.

    A dash between words, and two between spaces, are punctuation and stay.
    """
    warnings: dict[str, None] = {}
    before = None
    while text != before:
        before = text
        for warning, command in _COMMANDS:
            text, count = command.subn(" ", text)
            if count:
                warnings[warning] = None
        text = _INSIDE_A_WORD.sub(" - ", text)
    if warnings:
        text = re.sub(r"[ \t]{2,}", " ", text).strip()
    return Prose(text, list(warnings))
