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


def test_dashes_inside_words_become_punctuation() -> None:
    assert prose("a room--video of it").text == "a room - video of it"


def test_each_kind_is_said_once() -> None:
    _, warnings = prose("--a --b <x:1> <y:2> BREAK BREAK")
    assert len(warnings) == 3
