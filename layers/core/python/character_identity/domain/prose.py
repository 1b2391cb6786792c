"""Takes out of a text what a provider would read as a command, so that only prose leaves.

Astria reads flags, tags and more in a prompt, and some cost extra, such as ``--outpaint`` and ``--video``
(https://docs.astria.ai/docs/features/outpainting and .../features/video, read 2026-11-28). A caller who
writes them would order what nobody set money aside for. Other providers document none; what leaves is prose
there too, for what a model's host reads in a text may change without notice.
"""

import re
import unicodedata
from functools import lru_cache
from typing import NamedTuple

from character_identity.domain.character_name import with_character

_HYPHENS = "\u02d7\u2043\u2500\u2501\u2796"  # read as hyphens, though not called dashes
_LONG_DASHES = "\u2013\u2014\u2015\u2212\u2e3a\u2e3b\ufe31\ufe32\ufe58"  # what keyboards make of two hyphens
_UNSEEN = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""Not seen, though not called format characters: the Default_Ignorable of Unicode 16, and blank Braille."""

_NOT_INSIDE = r"(?<![\w\u2014-])"
_RUN = r"[-\u2014]{2,}+"  # all of it: each part would take long
_IN_SENTENCES = r"(?-i:[A-Z][a-z]*\b)|\w*(?:[^\W\x00-\x7f]|[\u0300-\u036f])"
"""No word of a flag: it begins a sentence, or is of another language than English."""
_FLAGS = r"(?:video|outpaint|duration|resemblance|controlnets|multi)\b|\w*_|\w+="
"""What makes a flag of one dash, which begins speech in Spanish and many other languages: a name of Astria's
documentation (revision of 2026-08-21), or what no sentence has."""
_QUOTED = r"\"[^\"]*\"|'[^']*'|\u201c[^\u201d]*\u201d"
_WITH_VALUE = r"\w*(?:prompt|model|duration|outpaint|height|width|dilate|blur|offset|size|url|image|ar)"
_VALUE = rf"(?:\s*=\s*(?:{_QUOTED}|\S+)|\s+(?:{_QUOTED}|[-+]?\d\S*|true\b|false\b|\w+(?:[-_]\w+)+))"

_COMMANDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("Tags such as <lora:1:1> were left out of the prompt.", re.compile(r"<[^<>]*:[^<>]*>")),
    ("Placeholders such as {{x}} were left out of the prompt.", re.compile(r"\{\{[^{}]*\}\}|\{\{|\}\}")),
    (
        "Flags such as --video were left out of the prompt.",
        re.compile(
            rf"{_NOT_INSIDE}(?:{_RUN}|\u2014(?={_FLAGS}))(?!{_IN_SENTENCES})"
            rf"(?:{_WITH_VALUE}\b(?:{_VALUE}|\s+[^\W\d][^\s,.;]*)?|[^\W\d]\w*{_VALUE}?)",
            re.IGNORECASE,
        ),
    ),
    ("BREAK was left out of the prompt.", re.compile(r"(?<!\w)BREAK(?!\w)")),
)
_INSIDE_A_WORD = re.compile(rf"(?<=\w){_RUN}(?=\w)")
_BEFORE_A_WORD = re.compile(rf"{_NOT_INSIDE}(?:{_RUN}|\u2014)()(?=[^\W\d])")


class Prose(NamedTuple):
    """A text without commands, and what was left out of it, in sentences."""

    text: str
    warnings: list[str]


def prose(text: str) -> Prose:
    """Take out commands until none is found: taking one out may put another together.

    They are looked for in the text as it is read: full width is plain, every dash is one, and what nobody
    sees is not there, for a server on the way may do the same to it. What is no command stays as written. A
    dash between words, and two between spaces, are punctuation and stay; one that begins speech is parted
    from its word by a blank, and so is none of a flag.
    """
    head, read, written = _read(text)
    warnings: dict[str, None] = {}
    before = None
    while read != before:
        before = read
        for warning, command in _COMMANDS:
            read, found = _replaced(read, written, command, " ")
            if found:
                warnings[warning] = None
        read, _ = _replaced(read, written, _INSIDE_A_WORD, " - ")
        read, _ = _replaced(read, written, _BEFORE_A_WORD, " ")
    text = head + "".join(written)
    if warnings:
        text = re.sub(r"[ \t]{2,}", " ", text).strip()
    return Prose(text, list(warnings))


def prose_naming(prompt: str, name: str, token: str) -> Prose:
    """Take commands out of a prompt, and put ``token`` where it has the character's name, or in front."""
    wanted, warnings = prose(prompt)
    text = with_character(wanted, name, token)
    if prose(text) != (text, []):  # of a dash and a name that begins with a digit it made a flag
        text = text.replace(token, f" {token}")
    return Prose(text, warnings)


def _replaced(read: str, written: list[str], pattern: re.Pattern[str], by: str) -> tuple[str, bool]:
    """Replace in a text as it is read, and in what is written for each of its letters, all that is found.

    Of a pattern with a group it is the group that is replaced.
    """
    places = [match.span(pattern.groups) for match in pattern.finditer(read)]
    for start, end in reversed(places):
        read = read[:start] + by + read[end:]
        written[start:end] = by
    return read, bool(places)


def _read(text: str) -> tuple[str, str, list[str]]:
    """Split a text: what nobody sees in front, its letters as they are read, and what is written for each."""
    head = ""
    read: list[str] = []
    written: list[str] = []
    for letter in text:
        seen = _as_read(letter, bool(read) and read[-1].isalnum())
        read += seen
        if seen:
            written += [letter, *[""] * (len(seen) - 1)]
        elif written:
            written[-1] += letter
        else:
            head += letter
    return head, "".join(read), written


@lru_cache(maxsize=4096)
def _as_read(letter: str, is_behind_letter: bool) -> str:
    """A letter as it is read; nothing for one that is not seen, or an accent on a sign."""
    category = unicodedata.category(letter)
    if category == "Cf" or _UNSEEN.match(letter) or (category[0] == "M" and not is_behind_letter):
        return ""
    if letter in _LONG_DASHES:
        return "\u2014"
    if category == "Pd" or letter in _HYPHENS:
        return "-"
    return unicodedata.normalize("NFKC", letter)
