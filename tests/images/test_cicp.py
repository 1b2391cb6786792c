"""Colours that a PNG names by numbers: brought into sRGB, or refused where they cannot be."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from character_identity.domain.errors import InvalidRequest
from character_identity.images.cicp import PRIMARIES
from character_identity.images.decoding import decode, decode_within, inspect, prepare
from tests.images.files import with_chunks
from tests.images.test_pixels import colour, encoded, wide_profile

XY = {
    1: ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)),
    5: ((0.64, 0.33), (0.29, 0.60), (0.15, 0.06)),
    6: ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)),
    7: ((0.63, 0.34), (0.31, 0.595), (0.155, 0.07)),
    9: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    12: ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)),
}
"""H.273, table 2; white is D65 in all of them."""
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
D65, D50 = np.array([0.3127 / 0.329, 1, 0.3583 / 0.329]), np.array([0.9642, 1, 0.8249])


def naming(
    *numbers: int, shown: Any = (185, 72, 66), mode: str = "RGB", profile: bytes | None = None
) -> bytes:
    return with_chunks(
        encoded(Image.new(mode, (300, 300), shown), icc_profile=profile), (b"cICP", bytes(numbers))
    )


def near(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 3


@pytest.mark.parametrize("number", XY)
def test_colorants_follow_from_the_chromaticities(number: int) -> None:
    rays = np.array([[x / y, 1, (1 - x - y) / y] for x, y in XY[number]]).T
    in_d65 = rays * np.linalg.solve(rays, D65)
    adapted = np.linalg.inv(BRADFORD) @ np.diag((BRADFORD @ D50) / (BRADFORD @ D65)) @ BRADFORD @ in_d65
    assert np.abs(adapted.T.ravel() - PRIMARIES[number]).max() < 1e-4


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ((1, 13, 0, 1), (185, 72, 66)),
        ((1, 1, 0, 1), (185, 72, 66)),  # of a video, as ffmpeg writes it
        ((12, 13, 0, 1), (200, 60, 60)),
        ((12, 1, 0, 1), (200, 60, 60)),
        ((9, 14, 0, 1), (226, 29, 60)),
        ((1, 8, 0, 1), (221, 144, 139)),
        ((1, 4, 0, 1), (186, 70, 63)),
    ],
)
def test_the_colours_that_are_named_are_brought_into_srgb(
    numbers: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    for profile in (None, wide_profile()):  # which counts less
        content = naming(*numbers, profile=profile)
        assert near(colour(content), expected), colour(content)
        stored = decode(prepare(content, 10_000_000).jpeg).getpixel((150, 150))
        assert near(stored, expected)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "numbers", [(2, 2, 0, 1), (12, 2, 0, 1), (12, 13, 1, 1), (0, 0, 0, 1), (99, 13, 0, 1), (12, 13, 0), ()]
)
def test_what_names_no_colours_is_passed_over(numbers: tuple[int, ...]) -> None:
    assert colour(naming(*numbers)) == (185, 72, 66)
    assert near(colour(naming(*numbers, profile=wide_profile()))[:1], (72,)), "the profile counts"


@pytest.mark.parametrize(
    "read", [decode, lambda content: decode_within(content, 100), lambda content: prepare(content, 10**7)]
)
@pytest.mark.parametrize(
    ("numbers", "reason"),
    [
        ((9, 16, 0, 1), "HDR .PQ"),
        ((12, 18, 0, 1), "HDR .HLG"),
        ((1, 13, 0, 0), "video"),
        ((11, 13, 0, 1), "film"),
    ],
)
def test_what_cannot_be_brought_into_srgb_is_neither_taken_in_nor_scored(
    read: Callable[[bytes], Any], numbers: tuple[int, ...], reason: str
) -> None:
    with pytest.raises(InvalidRequest, match=reason) as refused:
        read(naming(*numbers))
    assert refused.value.code == "unreadable_image"
    assert inspect(naming(*numbers)).width == 300, "a paid result is stored as it is"


@pytest.mark.parametrize(
    ("mode", "shown"), [("L", 100), ("RGBA", (185, 72, 66, 255)), ("P", 7), ("I;16", 25_000), ("1", 1)]
)
def test_the_colours_of_every_kind_of_png_can_be_named(mode: str, shown: Any) -> None:
    plain = colour(encoded(Image.new(mode, (300, 300), shown)))
    named = colour(naming(12, 13, 0, 1, shown=shown, mode=mode))
    assert near(named, (200, 60, 60) if mode == "RGBA" else plain)  # the others are grey
