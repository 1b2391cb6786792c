"""Finds a character's name in a prompt, in every script, and makes the trigger word that stands for it.

Names and prompts come from different keyboards: composed and decomposed accents, full and half width,
typographic and plain apostrophes and hyphens, no-break and plain spaces are the same to whoever reads them.
"""

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache

APOSTROPHES = "'\u2018\u2019\u02bb\u02bc\u02b9\u2032`\u00b4\u05f3"
HYPHENS = "-\u2010\u2011\u2012\u2013\u2212"
JOINERS = "\u200c\u200d"
_GLUE = "\u00ad\u2060\ufeff" + "".join(map(chr, (*range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
"""Not seen, and no end of a word: the last ones choose between forms of a sign, as in Japanese names."""
_READ_AS = {
    **dict.fromkeys(_GLUE, ""),
    **dict.fromkeys(APOSTROPHES, "'"),
    **dict.fromkeys(HYPHENS, "-"),
    "\u05f4": '"',
    "_": " ",
}
_DOTS = dict.fromkeys("\u0130\u0131", "i")
"""Turkish capitals differ from ours by a dot."""
_WITHOUT_SPACES = re.compile(
    "["
    "\u0e00-\u0eff"  # Thai, Lao
    "\u1000-\u109f\u1780-\u17ff"  # Myanmar, Khmer
    "\u3040-\u30ff\u31f0-\u31ff"  # Hiragana, Katakana
    "\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af"  # Han
    "\uac00-\ud7a3"  # Hangul: particles follow a name without a space
    "]"
)
"""Scripts in which a name stands between other letters without a space."""


def with_character(prompt: str, name: str, token: str) -> str:
    """Replace the character's name in a prompt by ``token``; without the name, put the token in front.

    The name as it is written counts before the name in other capitals: of "A rose in the hand of Rose" only
    the second word is one. A prompt that holds the token already is left as it is.
    """
    if re.search(rf"(?<!\w){re.escape(token)}(?!\w)", prompt):
        return prompt
    text = unicodedata.normalize("NFC", prompt)
    for any_case in (False, True):
        found = list(_places(text, unicodedata.normalize("NFC", name), any_case))
        if found:
            return _replaced(text, found, token)
    return f"{token}, {prompt}"


def trigger_word(name: str, identity_id: str) -> str:
    """Make the token of a trained character: ASCII, as text encoders read it, and the identity's own.

    Letters of other scripts are left out: T5, which reads Flux's prompts, knows none of Chinese or Georgian
    (https://github.com/huggingface/transformers/issues/21836, read 2026-11-28).
    """
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    words = re.findall(r"[A-Za-z0-9]+", plain.replace("'", "").upper()) or ["CHARACTER"]
    return f"{'_'.join(words)}_{identity_id[:6].upper()}"


def _places(text: str, name: str, any_case: bool) -> Iterator[slice]:
    """Where a text, in NFC as the name, has the name as a word of its own; a dash is no name."""
    wanted = "".join(read for read, _ in _read(name, any_case)).strip()
    if not any(map(str.isalnum, wanted)):
        return
    letters = list(_read(text, any_case))
    whole = "".join(read for read, _ in letters)
    places = [-1, *(place for _, place in letters), len(text)]  # of each letter that is read, and around it
    end = 0
    while (at := whole.find(wanted, end)) >= 0:
        end = at + len(wanted)
        before, first, last, after = places[at], places[at + 1], places[end], places[end + 1]
        if before != first and last != after and _is_word(text, first, last + 1):
            yield slice(first, last + 1)


def _read(text: str, any_case: bool) -> Iterator[tuple[str, int]]:
    """The letters of a text as they are read, each with its place; several spaces are one."""
    previous = ""
    for place, letter in enumerate(text):
        for read in _as_read(letter, any_case):
            if not read == previous == " ":
                yield read, place
            previous = read


@lru_cache(maxsize=4096)
def _as_read(letter: str, any_case: bool) -> str:
    if letter.isspace():
        return " "
    if any_case and letter in _DOTS:
        return _DOTS[letter]
    read = "" if unicodedata.category(letter) == "Cf" else _READ_AS.get(letter)
    if read is None:
        read = unicodedata.normalize("NFKD", letter)
    return read.casefold() if any_case else read


def _is_word(text: str, start: int, end: int) -> bool:
    """Tell a name from a part of a longer word."""
    behind = text[end:].lstrip(_GLUE)
    before, after = text[:start].rstrip(_GLUE)[-1:], behind[:1]
    if after and after in JOINERS and not behind.lstrip(JOINERS)[:1].isalnum():
        after = ""  # it joins nothing
    return not (_joins(before, text[start]) or _belongs_to_letter(after) or _joins(text[end - 1], after))


def _joins(left: str, right: str) -> bool:
    """Tell whether two neighbours belong to one word."""
    return all(
        (letter.isalnum() or letter == "_" or _belongs_to_letter(letter))
        and letter not in APOSTROPHES
        and not _WITHOUT_SPACES.match(letter)
        for letter in (left, right)
        if letter
    ) and bool(left and right)


def _belongs_to_letter(letter: str) -> bool:
    return bool(letter) and (letter in JOINERS or unicodedata.category(letter) in {"Mn", "Mc", "Me"})


def _replaced(text: str, places: list[slice], token: str) -> str:
    parts, at = [], 0
    for place in places:
        parts += [text[at : place.start], token]
        at = place.stop
    return "".join([*parts, text[at:]])
