import pytest

from character_identity.domain.text import shortened, without_controls


@pytest.mark.parametrize(
    "text", ["", "a rose\nin the hand\r\nof Rose", "Zo\u00eb", "\u5c0f\u660e", "a\u200db", "\U0001f600"]
)
def test_prose_passes(text: str) -> None:
    assert without_controls(text) == text


@pytest.mark.parametrize("control", ["\0", "\x01", "\t", "\x0b", "\x1b", "\x7f", "\x85", "\x9f"])
def test_a_control_character_is_named_with_its_place(control: str) -> None:
    with pytest.raises(ValueError, match=rf"U\+{ord(control):04X} at position 2\."):
        without_controls(f"a {control}b")


@pytest.mark.parametrize(("text", "short"), [("", ""), ("abcd", "abcd"), ("abcde", "abc\u2026")])
def test_what_is_too_long_says_that_it_goes_on(text: str, short: str) -> None:
    assert shortened(text, 4) == short
