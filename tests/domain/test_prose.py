import re

import pytest

from character_identity.domain.prose import prose

COMMANDS = [
    "--tiled_upscale",
    "--video --video_model kling_v21 --duration 10",
    "--outpaint top-center --outpaint_width 864 --outpaint_height 1296",
    '--outpaint_prompt "fields of gold"',
    "--video_prompt=dancing",
    "--VIDEO",
    "\u2014video",
    "\u2013\u2013hires",
    "\uff0d\uff0dvideo",
    "-\u200b-video",
    "--duration\n5",
    "<lora:788416:1>",
    "<<x:>lora:1:1>",
    "<lo<a:b>ra:1:1>",
    "{{name}}",
    "{{{{a}}}}",
    "BREAK",
    "--<a:1>video",
    "-BREAK-video",
    "-\u200e-video",
    "-\ufe0f-\u2061video",
    "\u2e3avideo",
    "\uff1clora\uff1a1\uff1a1\uff1e",
    "<lo\u200dra:1:1>",
    "{\u2060{name}}",
    "B\u200bREAK",
    "\uff22\uff32\uff25\uff21\uff2b",
]
LEFT = re.compile(r"<[^<>]*:[^<>]*>|\{\{|\}\}|(?<!\w)(?:--|\u2014|\u2013)[^\W\d]|(?<!\w)BREAK(?!\w)")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_is_left_out_and_said(command: str) -> None:
    text, warnings = prose(f"Sarah in a bar {command}")
    assert warnings
    assert not LEFT.search(text)
    assert text.startswith("Sarah in a bar")
    for value in ("kling", "864", "top-center", "10", "gold", "dancing"):
        assert value not in text


@pytest.mark.parametrize(
    "text",
    [
        "a low-key -- almost dark -- room",
        "a low-key \u2014 almost dark \u2014 room",
        "a well-lit, 35-mm photograph",
        "1980s - 1990s",
        "a tea break at breakfast",
        "BREAKFAST at Tiffany's",
        "ratio 16:9, f/1.4 <3",
        "{curly} braces, a | b",
        "first line\nsecond line",
        "   spaces   as they are ",
        "\u0e19\u0e49\u0e33 \ufb01ne \uff21 \u200bx\u200b \U0001f469\U0001f3fd\u200d\U0001f680",
        "BRE\u0301AK a habit",
    ],
)
def test_prose_keeps_its_words(text: str) -> None:
    assert prose(text) == (text, [])


LONG_DASHES = "\u2013\u2014\u2015\u2212\u2e3a\u2e3b\ufe31\ufe32\ufe58"
"""What keyboards, word processors and fonts make of two hyphens."""
SHORT_DASHES = "-\u00ad\u058a\u05be\u2010\u2011\u2012\u2043\u2796\u30a0\ufe63\uff0d"
IN_FRONT = ("", "\n", "Sarah. ", "\u00ab", "\u00bf", "(", "\u4ed6\u8bf4\uff1a", "\u200b")


@pytest.mark.parametrize(
    "word", ["Hola, dijo Sarah", "hola", "\u00fcber", "asi\u0301", "\u4f60\u597d", "Video"]
)
@pytest.mark.parametrize("front", IN_FRONT, ids=ascii)
def test_a_dash_that_begins_speech_is_parted_from_its_word_and_nothing_is_lost(front: str, word: str) -> None:
    for dash in (*LONG_DASHES, "\u2014\u200b", "\u2014\ufe0f"):
        assert prose(f"{front}{dash}{word}") == (f"{front}{dash} {word}", [])
    if word != "hola":  # a flag may be called that
        for dashes in ("--", "\u2014\u2014", "\u2011\u2011", "-\u00ad-"):
            assert prose(f"{front}{dashes}{word}") == (f"{front}{dashes} {word}", [])
    for dash in SHORT_DASHES:
        assert prose(f"{front}{dash}{word}") == (f"{front}{dash}{word}", [])
        assert prose(f"{front}{dash} {word}") == (f"{front}{dash} {word}", [])


@pytest.mark.parametrize("flag", ["video", "VIDEO", "tiled_upscale", "seed=1", "outpaint top-center"])
def test_a_flag_is_one_behind_any_dash_that_two_hyphens_become(flag: str) -> None:
    for dash in LONG_DASHES:
        text, warnings = prose(f"Sarah, {dash}{flag}")
        assert (text, len(warnings)) == ("Sarah,", 1)


def test_dashes_inside_words_become_punctuation() -> None:
    assert prose("a room--video of it").text == "a room - video of it"


def test_each_kind_is_said_once() -> None:
    _, warnings = prose("--a --b <x:1> <y:2> BREAK BREAK")
    assert len(warnings) == 3
