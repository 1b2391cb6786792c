"""Scoring: compare a generated picture with the references of its identity."""

import re
from dataclasses import dataclass
from hashlib import sha256
from itertools import zip_longest
from typing import Protocol

from character_identity.domain.errors import InvalidRequest, NotFound
from character_identity.domain.generation import MAX_IMAGE_BYTES
from character_identity.domain.identity import Identity
from character_identity.domain.job import job_id_of
from character_identity.domain.score import EncoderVersion, Score
from character_identity.domain.similarity import Embedding, cosine
from character_identity.observability import add_log_keys
from character_identity.ports.stores import Bucket, Identities, Scores


class Embedder(Protocol):
    """Turns pictures into unit vectors."""

    @property
    def version(self) -> EncoderVersion: ...

    def embed(self, image: bytes) -> Embedding:
        """Return the picture's embedding; InvalidRequest when it cannot have one."""


class ScoringService:
    """Scores stored pictures; doing it twice leaves what doing it once leaves."""

    def __init__(self, *, identities: Identities, bucket: Bucket, scores: Scores, embedder: Embedder) -> None:
        self._identities = identities
        self._bucket = bucket
        self._scores = scores
        self._embedder = embedder

    def score(self, key: str) -> Score | None:
        """Compare the picture under ``key`` with its identity's references and store the score.

        The references are those that the identity names, whatever else lies beside them in the bucket.
        None, and nothing stored, when the picture or the identity is gone: it was erased.

        Raises:
            InvalidRequest: the key is not a generated image's, or a picture cannot be embedded.
        """
        image = _GeneratedImage.of(key)
        add_log_keys(job_id=job_id_of("generation", image.generation_id))
        new: dict[str, Embedding] = {}
        try:
            identity = self._identities.get(image.identity_id)
            content, origin = self._bucket.read_with_origin(key, MAX_IMAGE_BYTES)
            add_log_keys(**origin)
            image_sha256, embedding = self._embedding(image.identity_id, content, new)
            similarities = {
                key: cosine(embedding, self._reference(identity, key, known_sha256, new))
                for key, known_sha256 in zip_longest(identity.references, identity.reference_sha256s)
            }
            score = Score.of(self._embedder.version, image_sha256, similarities)
            self._scores.put_score(image.identity_id, image.generation_id, image.index, score, new)
        except NotFound:
            return None
        return score

    def _reference(
        self, identity: Identity, key: str, known_sha256: str | None, new: dict[str, Embedding]
    ) -> Embedding:
        """Return a reference's embedding; the file is read only where none is kept for its SHA-256."""
        kept = known_sha256 and self._scores.embedding(
            identity.identity_id, known_sha256, self._embedder.version
        )
        if kept:
            return kept
        return self._embedding(identity.identity_id, self._bucket.read(key, MAX_IMAGE_BYTES), new)[1]

    def _embedding(
        self, identity_id: str, content: bytes, new: dict[str, Embedding]
    ) -> tuple[str, Embedding]:
        """Return the content's SHA-256 and its embedding, which is added to ``new`` if it was not kept."""
        content_sha256 = sha256(content).hexdigest()
        kept = self._scores.embedding(identity_id, content_sha256, self._embedder.version)
        if kept is not None:
            return content_sha256, kept
        if content_sha256 not in new:
            new[content_sha256] = self._embedder.embed(content)
        return content_sha256, new[content_sha256]


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
