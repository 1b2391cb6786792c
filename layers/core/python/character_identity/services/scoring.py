"""Scoring: compare a generated picture with the references of its identity."""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

from character_identity.domain.errors import InvalidRequest, NotFound
from character_identity.domain.score import EncoderVersion, Score
from character_identity.domain.similarity import Embedding, cosine
from character_identity.ports import Bucket

MAX_IMAGE_BYTES = 50_000_000


class Embedder(Protocol):
    """Turns pictures into unit vectors."""

    @property
    def version(self) -> EncoderVersion: ...

    def embed(self, image: bytes) -> Embedding:
        """Return the picture's embedding; InvalidRequest when it cannot have one."""


class ScoreStore(Protocol):
    """Keeps scores, and embeddings to save computing them again."""

    def put_score(self, generation_id: str, image_index: int, score: Score) -> None:
        """Store the encoder's score of an image in place of an earlier one."""

    def scores_of(self, generation_id: str) -> dict[int, list[Score]]:
        """Return a generation's scores by image index."""

    def put_embedding(self, content_sha256: str, version: EncoderVersion, embedding: Embedding) -> None: ...

    def embedding(self, content_sha256: str, version: EncoderVersion) -> Embedding | None: ...


class ScoringService:
    """Scores stored pictures; doing it twice leaves what doing it once leaves."""

    def __init__(self, *, bucket: Bucket, scores: ScoreStore, embedder: Embedder) -> None:
        self._bucket = bucket
        self._scores = scores
        self._embedder = embedder

    def score(self, key: str) -> Score | None:
        """Compare the picture under ``key`` with its identity's references and store the score.

        None, and nothing stored, when the picture or every reference is gone: the identity was erased.

        Raises:
            InvalidRequest: the key is not a generated image's, or a picture cannot be embedded.
        """
        image = _GeneratedImage.of(key)
        references = self._bucket.list_keys(f"references/{image.identity_id}/")
        if not references:
            return None
        try:
            image_sha256, embedding = self._embedding(key)
            similarities = {
                reference: cosine(embedding, self._embedding(reference)[1]) for reference in references
            }
        except NotFound:
            return None
        score = Score.of(self._embedder.version, image_sha256, similarities)
        self._scores.put_score(image.generation_id, image.index, score)
        return score

    def most_central(self, keys: list[str]) -> str:
        """The picture with the largest sum of similarities to the others: the nearest to their centre.

        Raises:
            InvalidRequest: a picture cannot be embedded.
            NotFound: a picture is not there.
        """
        embeddings = {key: self._embedding(key)[1] for key in keys}
        return max(keys, key=lambda key: sum(cosine(embeddings[key], other) for other in embeddings.values()))

    def _embedding(self, key: str) -> tuple[str, Embedding]:
        """Return the content's SHA-256 and its embedding, computed once per content and encoder version."""
        content = self._bucket.read(key, MAX_IMAGE_BYTES)
        content_sha256 = sha256(content).hexdigest()
        version = self._embedder.version
        embedding = self._scores.embedding(content_sha256, version)
        if embedding is None:
            embedding = self._embedder.embed(content)
            self._scores.put_embedding(content_sha256, version, embedding)
        return content_sha256, embedding


@dataclass(frozen=True)
class _GeneratedImage:
    identity_id: str
    generation_id: str
    index: int

    @classmethod
    def of(cls, key: str) -> "_GeneratedImage":
        match = re.fullmatch(r"generations/([^/]+)/([^/]+)/(\d+)\.\w+", key)
        if not match:
            raise InvalidRequest(
                f"{key!r} is not the key of a generated image.", code="not_a_generated_image"
            )
        return cls(match[1], match[2], int(match[3]))
