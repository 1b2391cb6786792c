"""Characters as words: the specification's Sarah, and files of one's own."""

from pathlib import Path

import pytest

from character_evaluation.characters import character, parsed_character
from character_evaluation.documents import BadDocument

WHOLE = b"""
name: Jane
class_name: woman
description: red hair
references: [{file: jane_01.jpg, title: Portrait, shows: a face}]
"""


def test_sarah_is_the_specifications() -> None:
    sarah = character("sarah")
    assert (sarah.name, sarah.class_name) == ("Sarah", "woman")
    assert sarah.description == (
        "Female protagonist, 25-30 years old, brown hair, blue eyes, Caucasian ethnicity"
    )
    assert [image.file for image in sarah.references] == [
        "sarah_portrait_01.jpg",
        "sarah_fullbody_02.jpg",
        "sarah_profile_03.jpg",
        "sarah_dramatic_04.jpg",
        "sarah_action_05.jpg",
    ]
    assert len(sarah.references + sarah.further) == 8, "what the specification's Astria module asks for"


def test_every_prompt_describes_the_same_person_and_its_own_picture() -> None:
    sarah = character("sarah")
    prompts = [sarah.prompt(image) for image in sarah.references + sarah.further]
    assert all("one woman. Female protagonist, 25-30 years old" in prompt for prompt in prompts)
    assert len(set(prompts)) == len(prompts)


def test_a_character_of_ones_own_is_read_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "jane.yaml"
    file.write_bytes(WHOLE)
    assert character(str(file)).references[0].file == "jane_01.jpg"


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ((b"name: Jane\n", b""), "jane.yaml, name: Field required"),
        ((b"jane_01.jpg", b"../jane.jpg"), "jane.yaml, references.0.file: String should match"),
        ((b"jane_01.jpg", b"j.png"), "jane.yaml, references.0.file: String should match"),
        ((b"a face", b'""'), "jane.yaml, references.0.shows: String should have at least 1"),
        ((b"red hair", b'"a\\u0007b"'), "jane.yaml, description: "),
        ((b"red hair", b"x" * 401), "jane.yaml, description: String should have at most 400"),
        ((b"class_name: woman", b"class_name: wo-man"), "jane.yaml, class_name: String should match"),
        ((b"[{", b"[{file: jane_01.jpg, title: a, shows: b}, {"), "jane.yaml, references: Value error, Two"),
        (
            (b"a face}]", b"a face}]\nfurther: [{file: jane_01.jpg, title: a, shows: b}]"),
            "jane.yaml, further: Two have the same file.",
        ),
        ((b"name: Jane", b"name: [Jane"), "jane.yaml, line "),
        ((WHOLE, b"[]"), "jane.yaml: it has to say name"),
        ((WHOLE, b"1: 2"), "jane.yaml, name: Field required"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_wrong_is_told_by_file_and_field(change: tuple[bytes, bytes], problem: str) -> None:
    with pytest.raises(BadDocument) as caught:
        parsed_character(WHOLE.replace(*change), "jane.yaml")
    assert str(caught.value).startswith(problem)
    assert len(str(caught.value)) < 300
