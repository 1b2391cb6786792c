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
    ("Jean\u2011Luc at sea", "Jean-Luc", "ohwx person at sea"),
    ("Sa\u00adrah, \u200fSarah", "Sarah", "ohwx person, \u200fohwx person"),
    ("\u0645\u0631\u064a\u0645 in a bar", "\u202b\u0645\u0631\u064a\u0645\u202c", "ohwx person in a bar"),
    ("Sa\u202dra\u202ch, \u061cSarah", "Sarah", "ohwx person, \u061cohwx person"),
    ("\u8fbb\U000e0100さん", "\u8fbb", "ohwx person\U000e0100さん"),
    ("\u8fbbさん", "\u8fbb\U000e0101", "ohwx personさん"),
    ("Sarah\ufe0f in a bar", "Sarah", "ohwx person\ufe0f in a bar"),
    ("\uff33\uff41\uff52\uff41\uff48\u3000in a bar", "Sarah", "ohwx person\u3000in a bar"),
    ("ｻｸﾗｶﾞ走る", "サクラガ", "ohwx person走る"),
    ("WEISS at sea", "Weiß", "ohwx person at sea"),
    ("İBRAHİM on a roof", "ibrahim", "ohwx person on a roof"),
    ("Sarah\u02bcs hat", "Sarah", "ohwx person\u02bcs hat"),
    ("ИВАН на крыше", "Иван", "ohwx person на крыше"),
    ("der Weg des ΟΔΥΣΣΕΥΣ", "Οδυσσευς", "der Weg des ohwx person"),
    ("Sarah\u200d in a bar", "Sarah", "ohwx person\u200d in a bar"),
    ("Mary\u2013Jane", "Mary-Jane", "ohwx person"),
    # not the name
    ("Sarah\u200dson", "Sarah", "ohwx person, Sarah\u200dson"),
    ("Zoë in a bar", "Zoe", "ohwx person, Zoë in a bar"),
    ("Zoe\u0308 in a bar", "Zoe", "ohwx person, Zoe\u0308 in a bar"),
    ("राम and रामा", "राम", "ohwx person and रामा"),
    ("กา กี", "ก", "ohwx personา กี"),
    ("민수가 달린다", "미", "ohwx person, 민수가 달린다"),
    ("Sarah\u00adson", "Sarah", "ohwx person, Sarah\u00adson"),
    ("Rosemary", "Rose", "ohwx person, Rosemary"),
    ("a bar - at night", "-", "ohwx person, a bar - at night"),
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
