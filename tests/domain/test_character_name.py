import random
import unicodedata
from typing import Literal

import pytest

from character_identity.domain.character_name import trigger_word, with_character

TOKEN = "ohwx person"

PROMPTS = [
    ("Portrait of Sarah, smiling", "Sarah", "Portrait of ohwx person, smiling"),
    ("sarah's house, Sarahs", "Sarah", "ohwx person's house, Sarahs"),
    ("a woman runs", "Sarah", "ohwx person, a woman runs"),
    ("ohwx person runs with Sarah", "Sarah", "ohwx person runs with Sarah"),
    # one name, however it is written down
    ("Zoe\u0308 in a bar", "Zoë", "ohwx person in a bar"),
    ("Zoë in a bar", "Zoe\u0308", "ohwx person in a bar"),
    ("O\u2019Brien\u2019s hat", "O'Brien", "ohwx person\u2019s hat"),
    ("Jane\u00a0van  Doe runs", "Jane van Doe", "ohwx person runs"),
    ("JANE_VAN_DOE runs", "Jane van Doe", "ohwx person runs"),
    ("ИВАН на крыше", "Иван", "ohwx person на крыше"),
    ("der Weg des ΟΔΥΣΣΕΥΣ", "Οδυσσευς", "der Weg des ohwx person"),
    # not the name
    ("Zoë in a bar", "Zoe", "ohwx person, Zoë in a bar"),
    ("Zoe\u0308 in a bar", "Zoe", "ohwx person, Zoe\u0308 in a bar"),
    ("राम and रामा", "राम", "ohwx person and रामा"),
    ("กา กี", "ก", "ohwx personา กี"),
    ("Rosemary", "Rose", "ohwx person, Rosemary"),
    # the name as it is written, before the word that is spelt like it
    ("A rose in the hand of Rose", "Rose", "A rose in the hand of ohwx person"),
    ("a rose", "Rose", "a ohwx person"),
    # scripts without spaces between words
    ("李雷站在仓库里", "李雷", "ohwx person站在仓库里"),
    ("仓库里的Sarah站着", "Sarah", "仓库里的ohwx person站着"),
    ("민수가 달린다", "민수", "ohwx person가 달린다"),
    ("さくらが走る", "さくら", "ohwx personが走る"),
]


@pytest.mark.parametrize(("prompt", "name", "expected"), PROMPTS, ids=[prompt for prompt, _, _ in PROMPTS])
def test_the_token_stands_where_the_name_stood(prompt: str, name: str, expected: str) -> None:
    assert with_character(prompt, name, TOKEN) == expected


def test_a_token_with_backslashes_is_taken_literally() -> None:
    assert with_character("Sarah runs", "Sarah", r"\1 x") == r"\1 x runs"


NAMES = {
    "Latin": "Zoë Brontë Núñez Søren Łukasz Nguyễn",
    "Greek": "Ἀθηνᾶ Οδυσσέας Μαρία",
    "Cyrillic": "Йосип Ёлка Софія",
    "Hebrew": "שָׂרָה דָּוִד",
    "Arabic": "مُحَمَّد فاطِمَة",
    "Devanagari": "क़मर राधिका सीता",
    "Tamil": "கௌரி மீனா",
    "Georgian": "ნინო თამარი",
    "Hangul": "민수 지혜",
    "Kana": "がぎぐ さくら",
    "Han": "李雷 韓梅梅",
}
FRAMES = [
    "{} in a bar",
    "a portrait of {}",
    "{}",
    "the hat of {}, red",
    "\u201c{}\u201d smiles",
    "({})",
    "who is {}?",
]


def test_a_name_is_found_in_every_script_and_normal_form(examples: int) -> None:
    chance = random.Random(11)
    forms: tuple[Literal["NFC", "NFD", "NFKC", "NFKD"], ...] = ("NFC", "NFD", "NFKC", "NFKD")
    names = [name for text in NAMES.values() for name in text.split()]
    for _ in range(examples):
        name, frame = chance.choice(names), chance.choice(FRAMES)
        form, other = chance.choices(forms, k=2)
        prompt = frame.format(unicodedata.normalize(form, name))
        found = with_character(prompt, unicodedata.normalize(other, name), TOKEN)
        assert found == frame.format(TOKEN), (name, form, other)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("Sarah", "SARAH_0A1B2C"),
        ("Jane  van Doe", "JANE_VAN_DOE_0A1B2C"),
        (" Zoë ", "ZOE_0A1B2C"),
        ("O'Brien", "OBRIEN_0A1B2C"),
        ("李雷", "CHARACTER_0A1B2C"),
    ],
)
def test_a_trigger_word_is_ascii_and_the_identitys_own(name: str, word: str) -> None:
    assert trigger_word(name, "0a1b2c3d4e5f") == word
    assert trigger_word(name, "f00ba4000000") != word
