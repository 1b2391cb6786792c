"""Finds a character's name in a prompt, in every script, and makes the trigger word that stands for it.

Names and prompts come from different keyboards: composed and decomposed accents, typographic and plain
apostrophes, no-break and plain spaces are the same to whoever reads them.
"""

import re
import unicodedata

APOSTROPHES = "'\u2018\u2019\u02bc\u02b9\uff07`\u00b4"
JOINERS = "\u200c\u200d"
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
    for flags in (0, re.IGNORECASE):
        found = [match.span() for match in _pattern(name, flags).finditer(text) if _is_whole(text, match)]
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


def _pattern(name: str, flags: int) -> re.Pattern[str]:
    words = re.split(r"[\s_]+", unicodedata.normalize("NFC", name).strip())
    apostrophe = f"[{re.escape(APOSTROPHES)}]"
    spelt = (
        "".join(apostrophe if letter in APOSTROPHES else re.escape(letter) for letter in word)
        for word in words
    )
    return re.compile(r"[\s_]+".join(spelt), flags)


def _is_whole(text: str, match: re.Match[str]) -> bool:
    """Tell a name from a part of a longer word."""
    before, after = text[: match.start()][-1:], text[match.end() :][:1]
    return not (_joins(before, match[0][0]) or _belongs_to_letter(after) or _joins(match[0][-1], after))


def _joins(left: str, right: str) -> bool:
    """Tell whether two neighbours belong to one word."""
    return all(
        (letter.isalnum() or letter == "_" or _belongs_to_letter(letter))
        and not _WITHOUT_SPACES.match(letter)
        for letter in (left, right)
        if letter
    ) and bool(left and right)


def _belongs_to_letter(letter: str) -> bool:
    return bool(letter) and (letter in JOINERS or unicodedata.category(letter) in {"Mn", "Mc", "Me"})


def _replaced(text: str, spans: list[tuple[int, int]], token: str) -> str:
    parts, at = [], 0
    for start, end in spans:
        parts += [text[at:start], token]
        at = end
    return "".join([*parts, text[at:]])
