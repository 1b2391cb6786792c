"""What leaves as a prompt: the character's token where its name stood, and no command of anybody's."""

import re
import unicodedata
from random import Random
from typing import Any, Literal

from character_identity.api.schemas import CreateGenerationRequest
from character_identity.domain.character_name import trigger_word, with_character
from character_identity.domain.generation import GenerationRequest
from character_identity.domain.prose import prose
from character_identity.wiring import Services
from tests.corpora.texts import command_in
from tests.neighbours.tally import Tally
from tests.support.builders import an_identity

WHOLE = 2_000
PROVIDERS = Services(
    dict.fromkeys(
        ("FAL_QUEUE_URL", "FAL_REST_URL", "FAL_PLATFORM_URL", "ASTRIA_API_URL"), "https://provider.test"
    )
).providers
TOKEN = "ohwx person"
FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
NAMES = {
    "Latin": "Zoë Brontë Núñez Søren Łukasz Nguyễn Weiß O'Brien Jean-Luc d'Arc",
    "Greek": "Ἀθηνᾶ Οδυσσέας Μαρία",
    "Cyrillic": "Йосип Ёлка Софія Сем'ян",
    "Armenian": "Արամ Նարե",
    "Hebrew": "שָׂרָה דָּוִד ג'ורג'",
    "Arabic": "مُحَمَّد فاطِمَة علی",
    "Devanagari": "क़मर राधिका सीता",
    "Bengali": "রবি কোয়েল",
    "Tamil": "கௌரி மீனா",
    "Georgian": "ნინო თამარი",
    "Thai": "สมชาย กำไล",
    "Hangul": "민수 지혜",
    "Kana": "がぎぐ さくら サクラ",
    "Han": "李雷 韓梅梅",
}
WORDS = [(script, name) for script, names in NAMES.items() for name in names.split()]
WITHOUT_SPACES = {"Thai", "Hangul", "Kana", "Han"}
APOSTROPHES, HYPHENS = "'\u2019\u02bc`", "-\u2010\u2011"
SPACES = " \u00a0\u202f\u2007\u3000\n"
FRAMES = (
    "{} in a bar",
    "a portrait of {}",
    "{}",
    "the hat of {}, red",
    "\u201c{}\u201d smiles",
    "({})",
    "who is {}?",
    "{}\u2019s hat",
    "{}'s hat",
    "1. {}; 2. {}",
    "\u200f{}\u200f",
    "\U0001f600{}",
)
GLUED = ("在{}里", "{}が走る", "나는{}를", "อยู่กับ{}")
COMMANDS = (
    "--tiled_upscale",
    "--video --video_model kling_v21 --duration 10",
    "--outpaint top-center",
    '--outpaint_prompt "fields of gold"',
    "--VIDEO=1",
    "\u2014video",
    "\u2013\u2013hires",
    "\uff0d\uff0dvideo",
    "-\u200b-video",
    "--duration\n5",
    "<lora:788416:1>",
    "<lo<a:b>ra:1:1>",
    "{{name}}",
    "BREAK",
    "-BREAK-video",
    "\uff1clora\uff1a1\uff1a1\uff1e",
    "B\u2060REAK",
    "-\u200e-video",
)
PARTS = (
    *COMMANDS,
    "--",
    "-",
    "\u2014",
    "<",
    ">",
    ":",
    "{{",
    "}}",
    "{",
    "BRE",
    "AK",
    " ",
    "\n",
    "a",
    "1",
    "Sarah",
    "hola",
    "\u4f60",
    "e\u0301",
    *"\u200b\u200d\u202e\ufe0f\uff0d\uff1c\uff1e\uff1a\u2043",
)


def typed(chance: Random, name: str) -> str:
    """A name as another keyboard writes it."""
    for kind in (APOSTROPHES, HYPHENS):
        name = re.sub(f"[{kind}]", lambda _, kind=kind: chance.choice(kind), name)  # type: ignore[misc]
    name = re.sub(r"\s+", lambda _: chance.choice(SPACES) * chance.choice([1, 1, 2]), name)
    return unicodedata.normalize(chance.choice(FORMS), name)


def test_a_name_is_found_in_every_script_and_form(tally: Tally) -> None:
    def example(chance: Random) -> str:
        script, name = chance.choice(WORDS)
        if chance.random() < 0.3:
            name = f"{name} {chance.choice([other for kind, other in WORDS if kind == script])}"
        frame = chance.choice([*FRAMES, *GLUED] if script in WITHOUT_SPACES else FRAMES)
        spelt = (
            name.upper() if chance.random() < 0.3 and script in {"Latin", "Cyrillic", "Armenian"} else name
        )
        prompt = frame.replace("{}", typed(chance, spelt))
        found = with_character(prompt, typed(chance, name), TOKEN)
        expected = unicodedata.normalize("NFC", frame.replace("{}", TOKEN))
        assert found == expected, (name, prompt, found)
        return script

    tally.try_each(WHOLE, example)


def test_part_of_a_word_is_no_name(tally: Tally) -> None:
    def example(chance: Random) -> str:
        words = [word for word in WORDS if word[0] not in WITHOUT_SPACES and word[1][-1] not in APOSTROPHES]
        script, name = chance.choice(words)
        letters = [letter for letter in name if letter.isalpha()]
        longer = chance.choice(
            [name + chance.choice(letters), chance.choice(letters) + name, f"{name}7", f"_{name}"]
        )
        prompt = chance.choice(FRAMES).replace("{}", unicodedata.normalize(chance.choice(FORMS), longer))
        assert with_character(prompt, typed(chance, name), TOKEN) == f"{TOKEN}, {prompt}"
        return script

    tally.try_each(WHOLE, example)


def test_a_trigger_word_is_ascii_and_the_same_wherever_it_stands(tally: Tally) -> None:
    """In the training and in each prompt; another identity of that name has another."""

    def example(chance: Random) -> str:
        script, name = chance.choice(WORDS)
        name = chance.choice([name, f"{name} {chance.choice(WORDS)[1]}", f"{name}!", "?" * 5, "\u200b"])
        one, other = (f"{chance.getrandbits(128):032x}" for _ in range(2))
        word = trigger_word(name, one)
        assert re.fullmatch(r"[A-Z0-9]+(_[A-Z0-9]+)*", word)
        assert {trigger_word(unicodedata.normalize(form, name), one) for form in FORMS} == {word}
        assert trigger_word(name, other) != word
        identity = an_identity(name=name, identity_id=one)
        request = GenerationRequest(prompt=typed(chance, name), num_images=1, seed=7)
        plan = PROVIDERS["fal-lora"].images.plan(identity, request)
        assert plan.body["prompt"] == plan.prompt
        assert word in plan.prompt
        assert identity.trigger_word == word
        return script

    tally.try_each(WHOLE, example)


def test_no_command_leaves_whatever_is_written(tally: Tally) -> None:
    astria = PROVIDERS["astria"].images

    def example(chance: Random) -> str:
        text = "".join(chance.choice(PARTS) for _ in range(chance.randrange(1, 12)))
        once = prose(text)
        assert not command_in(once.text), (text, once)
        assert prose(once.text) == (once.text, []), (text, once)
        name = chance.choice(["Sarah", "a", "BRE", "--video", "Zoë <lora:1:1>", "-", "1"])
        class_name = chance.choice(["woman", "person", "BREAK", "video"])
        identity = an_identity(provider="astria", name=name, class_name=class_name, provider_model_id="42")
        request = GenerationRequest(prompt=text, num_images=1, seed=7)
        sent = astria.plan(identity, request).body["text"]
        head, _, wanted = sent.partition(" ")
        assert head == "<lora:42:1>"
        assert not command_in(wanted), (text, name, class_name, sent)
        assert "ohwx" in wanted
        for provider in ("fal-lora", "fal-instant"):
            body = (
                PROVIDERS[provider].images.plan(an_identity(name=name, class_name=class_name), request).body
            )
            assert body["prompt"]
            assert not command_in(body["prompt"]), (text, name, class_name, body)
        return "prose already" if once.text == text else "commands left out"

    tally.try_each(WHOLE, example)


def test_control_characters_are_refused_and_nothing_else_is(tally: Tally) -> None:
    def example(chance: Random) -> str:
        letters = [*"Sarah in a bar", "\n", "\r", *map(chr, range(0xA0, 0xB0)), "李", "\u200f", "\U0001f600"]
        text = "a" + "".join(chance.choice(letters) for _ in range(chance.randrange(30))) + "z"
        control = chr(chance.choice([*range(10), 11, 12, *range(14, 32), *range(127, 160)]))
        bad = chance.random() < 0.5
        place = chance.randrange(1, len(text))  # at both ends spaces of all kinds are stripped
        body: dict[str, Any] = {"prompt": text[:place] + control + text[place:] if bad else text}
        try:
            CreateGenerationRequest.model_validate(body)
        except ValueError as refused:
            assert bad
            assert f"U+{ord(control):04X}" in str(refused)
            return "refused"
        assert not bad
        return "taken"

    tally.try_each(WHOLE, example)
