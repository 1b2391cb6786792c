"""Similarity of two images, by their embeddings."""

from collections.abc import Sequence

Embedding = Sequence[float]
"""A picture as an encoder sees it: a vector of unit length."""


def cosine(one: Embedding, other: Embedding) -> float:
    """Cosine similarity of two embeddings of the same encoder, in [-1, 1].

    Raises:
        ValueError: their lengths differ.
    """
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return max(-1.0, min(1.0, dot))
