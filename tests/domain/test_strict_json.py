"""JSON is read as every reader reads it, or refused."""

import pytest

from character_identity.domain import strict_json


@pytest.mark.parametrize(
    "text", ['{"a": [1, {"b": null}], "c": "é"}', b'{"a": [1, {"b": null}], "c": "\xc3\xa9"}']
)
def test_what_is_json_is_read(text: str | bytes) -> None:
    assert strict_json.read(text) == {"a": [1, {"b": None}], "c": "é"}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('{"a": 1, "b": 2, "a": 1}', "a stands there twice"),
        ('[{"a": {"b": 1, "b": 2}}]', "b stands there twice"),
        ('{"a": 1, "\\u0061": 1}', "a stands there twice"),
        ("[NaN]", "NaN is no number of JSON"),
        ('{"a": -Infinity}', "-Infinity is no number of JSON"),
        ("[" * 200_000 + "]" * 200_000, "it has too many levels"),
        ('{"a": 1', "delimiter"),
        (b'{"a": "\xff"}', "decode"),
        ("", "Expecting value"),
    ],
)
def test_what_readers_differ_about_is_refused(text: str | bytes, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        strict_json.read(text)


def test_a_name_that_stands_twice_behind_very_many_is_found_in_one_pass() -> None:
    """Each of the names looked for among all of them would keep a function until it is killed."""
    names = ",".join(f'"{number:x}":0' for number in range(90_000))
    with pytest.raises(ValueError, match="15f8f stands there twice"):
        strict_json.read(f'{{{names},"15f8f":0}}')
