"""The header Prefer, by the grammar of RFC 7240 and with what people send instead."""

import pytest

from character_identity.api.preferences import LONGEST_HEADER, preferences


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", {}),
        (" , ,", {}),
        ("respond-async", {"respond-async": ("", {})}),
        ("Wait=20; Until=scored", {"wait": ("20", {"until": "scored"})}),
        ('wait = "20" ;until = "sco\\red";; a', {"wait": ("20", {"until": "scored", "a": ""})}),
        ("wait=5;until=a;until=b, wait=9", {"wait": ("5", {"until": "a"})}),
        ('a="x, wait=9; b", wait=5', {"a": ("x, wait=9; b", {}), "wait": ("5", {})}),
        ("respond-async; wait=5", {"respond-async": ("", {"wait": "5"})}),
        ("wait=, b=\t", {"wait": ("", {}), "b": ("", {})}),
        ("wait=5 10, a", {"a": ("", {})}),
        ("wait=5; un til=scored; b=1", {"wait": ("5", {"b": "1"})}),
        ('a="open, wait=5', {"wait": ("5", {})}),
        (";until=scored, =5, a", {"until": ("scored", {}), "a": ("", {})}),
        ('a="' + "\\" * 99, {}),
        (";", {}),
        (" ,;;;, ; ,wait=5", {"wait": ("5", {})}),
        (", wait=5".rjust(LONGEST_HEADER), {"wait": ("5", {})}),
        (", wait=5".rjust(LONGEST_HEADER + 1), {}),
    ],
)
def test_preferences_and_their_parameters(header: str, found: dict[str, tuple[str, dict[str, str]]]) -> None:
    assert preferences(header) == found
