import pytest

from character_identity.domain.identity import training_progress, with_character
from tests.support.builders import an_identity


@pytest.mark.parametrize(
    ("name", "word"), [("Sarah", "SARAH"), ("Jane  van Doe", "JANE_VAN_DOE"), (" Zoë ", "ZOË")]
)
def test_trigger_word_is_the_name_in_capitals(name: str, word: str) -> None:
    assert an_identity(name=name).trigger_word == word


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("Portrait of Sarah, smiling", "Portrait of SARAH, smiling"),
        ("sarah's house, Sarahs", "SARAH's house, Sarahs"),
        ("a woman runs", "SARAH, a woman runs"),
        ("SARAH runs", "SARAH runs"),
    ],
)
def test_the_token_stands_in_every_prompt(prompt: str, expected: str) -> None:
    assert with_character(prompt, "Sarah", "SARAH") == expected


def test_a_token_with_backslashes_is_taken_literally() -> None:
    assert with_character("Sarah runs", "Sarah", r"\1 x") == r"\1 x runs"


@pytest.mark.parametrize(("fraction", "progress"), [(-1, 20), (0, 20), (0.5, 55), (1, 90), (7, 90)])
def test_progress_stays_within_the_training_phase(fraction: float, progress: int) -> None:
    assert training_progress(fraction) == progress
