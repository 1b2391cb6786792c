"""Near copy: a generated picture that is a reference again, and so says nothing of the character.

Two things have to agree, neither of which an encoder knows. The perceptual hash finds what has the same
layout, but also drawings of one figure in one outline. The local structure is the correlation of light and
dark inside each of 16 parts of the picture, and tells those apart.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from math import fsum, sqrt
from typing import NamedTuple

from character_identity.domain.perceptual_hash import PerceptualHash

MEASURE = "dhash-128-structure-32-v1"
"""Raise it when a descriptor may come out differently."""
SIDE = 32
"""Pixels of a descriptor's grey picture, whatever the picture's aspect."""
PART = 8
FLAT = 30.0
"""Variance of light below which a part is as good as flat: what noise and compression make."""
MIN_STRUCTURE = 0.75
"""See docs/scoring.md for what was measured."""


class CopyDescriptor(NamedTuple):
    """A picture's perceptual hash, and its light and dark: SIDE x SIDE grey levels, row by row."""

    hash: PerceptualHash
    grey: bytes


class NearCopy(NamedTuple):
    """Of which reference, and how nearly: bits of 128 that differ, and the local structure, at most 1."""

    reference: str
    differing_bits: int
    structure: float
    mirrored: bool
    measure: str


def near_copy(image: CopyDescriptor, references: Iterable[tuple[str, CopyDescriptor]]) -> NearCopy | None:
    """The reference, by key, that a picture copies most nearly, as it is or mirrored; None if none."""
    found = [
        NearCopy(key, bits, round(structure, 3), mirrored, MEASURE)
        for key, reference in references
        for bits, structure, mirrored in _compared(image, reference)
        if structure >= MIN_STRUCTURE
    ]
    return max(found, key=lambda copy: copy.structure, default=None)


def structure(one: bytes, other: bytes) -> float:
    """Return how alike light and dark are arranged in two grey pictures of SIDE x SIDE; at most 1.

    It is the mean over their parts, but for those that are flat in both, as backgrounds are.
    """
    starts = range(0, SIDE, PART)
    parts = [_correlation(_part(one, *at), _part(other, *at)) for at in product(starts, starts)]
    told = [part for part in parts if part is not None]
    return fsum(told) / len(told) if told else 1.0


def _compared(image: CopyDescriptor, reference: CopyDescriptor) -> Iterator[tuple[int, float, bool]]:
    """Of the picture as it is, and mirrored, where the hashes are near: bits, structure, mirrored."""
    if image.hash.is_near(reference.hash):
        bits = (image.hash.shape ^ reference.hash.shape).bit_count()
        yield bits, structure(image.grey, reference.grey), False
    if image.hash.is_nearly_mirrored(reference.hash):
        rows = [image.grey[start : start + SIDE] for start in range(0, SIDE * SIDE, SIDE)]
        mirrored = b"".join(row[::-1] for row in rows)
        bits = (image.hash.mirrored ^ reference.hash.shape).bit_count()
        yield bits, structure(mirrored, reference.grey), True


def _part(grey: bytes, top: int, left: int) -> bytes:
    rows = range(top, top + PART)
    return b"".join(grey[row * SIDE + left : row * SIDE + left + PART] for row in rows)


def _correlation(one: bytes, other: bytes) -> float | None:
    """Correlation of two parts; None where both are flat."""
    count = len(one)
    mean, other_mean = sum(one) / count, sum(other) / count
    variance = fsum((a - mean) ** 2 for a in one) / count
    other_variance = fsum((b - other_mean) ** 2 for b in other) / count
    if max(variance, other_variance) < FLAT:
        return None
    both = fsum((a - mean) * (b - other_mean) for a, b in zip(one, other, strict=True)) / count
    return both / sqrt(max(variance, FLAT) * max(other_variance, FLAT))
