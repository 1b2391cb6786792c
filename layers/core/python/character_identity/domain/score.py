"""Score: how like its identity's references a picture is, and by which encoder's measure."""

from collections.abc import Mapping
from math import fsum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from character_identity.domain.similarity import Embedding

CLIP_ENCODER = "clip-vit-b32"
"""The encoder that expected similarities are stated for; no other's score is compared with them."""
DECIMALS = 6
"""Kept of a similarity: processors differ in the seventh."""


class EncoderVersion(NamedTuple):
    """Everything that an embedding depends on beside the image; only those of equal versions compare."""

    encoder: str
    weights_sha256: str
    preprocessing: str


class EmbeddedReference(NamedTuple):
    """The reference image under a key, by its content's SHA-256, as an encoder sees it."""

    key: str
    sha256: str
    embedding: Embedding


class ReferenceSimilarity(NamedTuple):
    """Cosine similarity with the reference image under a key."""

    reference: str
    similarity: float


class Score(BaseModel):
    """A picture's similarity to each reference, with the mean and the best of them."""

    model_config = ConfigDict(frozen=True)

    encoder: str
    weights_sha256: str
    preprocessing: str
    mean: float
    best: float
    per_reference: tuple[ReferenceSimilarity, ...]
    image_sha256: str

    @classmethod
    def of(cls, version: EncoderVersion, image_sha256: str, similarities: Mapping[str, float]) -> "Score":
        """Return the score of similarities by reference key, of which there is at least one."""
        return cls(
            **version._asdict(),
            mean=round(fsum(similarities.values()) / len(similarities), DECIMALS),
            best=round(max(similarities.values()), DECIMALS),
            per_reference=tuple(
                ReferenceSimilarity(key, round(value, DECIMALS))
                for key, value in sorted(similarities.items())
            ),
            image_sha256=image_sha256,
        )

    @property
    def version(self) -> EncoderVersion:
        """By which encoder, exactly."""
        return EncoderVersion(self.encoder, self.weights_sha256, self.preprocessing)

    @property
    def is_clip(self) -> bool:
        """True if this is the specification's number."""
        return self.encoder == CLIP_ENCODER
