"""The header Prefer, by the grammar of RFC 7240 and with what people send instead."""

from random import Random

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


def test_whatever_a_header_says_it_is_read() -> None:
    """And a preference in front of it is not lost, nor taken for another."""
    random = Random(20261128)
    for _ in range(2000):
        rest = "".join(random.choices('wait=until0 \t,;"\\\x00\u0665é', k=random.randrange(30)))
        assert preferences(f"wait=7, {rest}")["wait"] == ("7", {})
        for name, (value, parameters) in preferences(rest).items():
            assert name and all(parameters), (value, rest)
