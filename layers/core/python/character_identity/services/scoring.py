"""Scoring: compare generated pictures with the references of their identities."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Literal, Protocol

from character_identity.domain.errors import InvalidRequest, NotFound
from character_identity.domain.generation import MAX_IMAGE_BYTES, MAX_STORED_BYTES
from character_identity.domain.job import job_id_of
from character_identity.domain.score import EmbeddedReference, EncoderVersion, NotScored, Score, View
from character_identity.domain.similarity import Embedding
from character_identity.observability import add_log_keys
from character_identity.ports.stores import Bucket, Identities, Scores

AFTER_A_SCORE = {"image_deleted", "reference_changed", "reference_deleted", "reference_unreadable"}
"""Reasons that take no score away: they say nothing of the picture as it was when it got one."""


class Embedder(Protocol):
    """Turns pictures into unit vectors."""

    @property
    def version(self) -> EncoderVersion: ...

    @property
    def decoy(self) -> Embedding | None:
        """The mean of the embeddings of pictures of anything else, for the floor; None if it has none."""

    def embed(self, images: Sequence[bytes]) -> list[View | InvalidRequest]:
        """Return how each picture is seen, or why it cannot be."""


@dataclass(frozen=True)
class GeneratedImage:
    """Whose picture lies under a key."""

    identity_id: str
    generation_id: str
    index: int

    @classmethod
    def of(cls, key: str) -> "GeneratedImage":
        """Read a key of the bucket.

        Raises:
            InvalidRequest: it is not a generated image's.
        """
        match = re.fullmatch(r"generations/([^/]+)/([^/]+)/(\d+)\.\w+", key)
        if not match:
            raise InvalidRequest(
                f"{key!r} is not the key of a generated image.", code="not_a_generated_image"
            )
        return cls(match[1], match[2], int(match[3]))


@dataclass
class References:
    """An identity's references as the encoder sees them; ``kept`` once they are in the table."""

    embedded: list[EmbeddedReference]
    kept: bool


@dataclass
class Look:
    """What was seen of the picture under a key: all that its score takes, or the ``failure`` to see it.

    ``scored`` is the score that it has already: it is the same picture still.
    """

    key: str
    origin: dict[str, str] = field(default_factory=dict)
    content_sha256: str = ""
    view: View | None = None
    references: References | None = None
    scored: Score | None = None
    failure: Exception | None = None


class ScoringService:
    """Scores stored pictures; doing it twice leaves what doing it once leaves.

    Of a picture's identity one row is read, which has its references as the encoder sees them. The first
    score of an identity makes it: the intake sees thumbnails only, and their embeddings are others.
    """

    def __init__(self, *, identities: Identities, bucket: Bucket, scores: Scores, embedder: Embedder) -> None:
        self._identities = identities
        self._bucket = bucket
        self._scores = scores
        self._embedder = embedder

    def look_at(self, keys: Iterable[str]) -> list[Look]:
        """Read the pictures under ``keys`` and embed them together; one that fails leaves the others be."""
        looks = [Look(key) for key in keys]
        references: dict[str, References] = {}
        new: list[tuple[Look, bytes]] = []
        for look in looks:
            try:
                content = self._read(look, references)
            except Exception as exc:  # score() raises it
                look.failure = exc
            else:
                if look.scored is None:
                    new.append((look, content))
        views = self._embedder.embed([content for _, content in new])
        for (look, _), view in zip(new, views, strict=True):
            if isinstance(view, InvalidRequest):
                look.failure = view
            else:
                look.view = view
        return looks

    def score(self, look: Look) -> Score | NotScored | None:
        """Compare what was seen with the references that its identity names, and store the score.

        NotScored is stored in its place when the picture or a reference cannot be compared, and will not be
        when it is tried again; a score from before a picture was deleted stays. None, and nothing stored,
        when the identity is gone: it was erased.

        Raises:
            InvalidRequest: the key is not a generated image's.
            Exception: whatever kept it from being seen, and may be over.
        """
        image = GeneratedImage.of(look.key)
        add_log_keys(**{"job_id": job_id_of("generation", image.generation_id), **look.origin})
        if isinstance(look.failure, NotFound):
            return None
        if isinstance(look.failure, InvalidRequest) and look.failure.code in AFTER_A_SCORE:
            look.scored = self._scored(image)
        if look.scored is not None:
            return look.scored
        outcome, new = self._outcome(look)
        try:
            self._scores.put_score(image.identity_id, image.generation_id, image.index, outcome, new)
        except NotFound:
            return None
        if new and look.references:
            look.references.kept = True
        return outcome

    def _outcome(self, look: Look) -> tuple[Score | NotScored, Sequence[EmbeddedReference]]:
        """Return what there is to store: what became of the picture, and references that are not kept."""
        version = self._embedder.version
        if isinstance(look.failure, InvalidRequest):
            return NotScored(encoder=version.encoder, code=look.failure.code, reason=look.failure.message), ()
        if look.view is None or look.references is None:
            raise look.failure or RuntimeError(f"{look.key!r} was not looked at.")
        references = look.references.embedded
        decoy = self._embedder.decoy
        score = Score.comparing(version, look.content_sha256, look.view, references, decoy)
        return score, () if look.references.kept else references

    def _scored(self, image: GeneratedImage) -> Score | None:
        return self._scores.score_of(image.generation_id, image.index, self._embedder.version.encoder)

    def _read(self, look: Look, references: dict[str, References]) -> bytes:
        image = GeneratedImage.of(look.key)
        if image.identity_id not in references:
            references[image.identity_id] = self._references(image.identity_id)
        look.references = references[image.identity_id]
        with _deleted("image_deleted", "The picture was deleted before it was compared."):
            content, look.origin = self._bucket.read_with_origin(look.key, MAX_STORED_BYTES)
        look.content_sha256 = sha256(content).hexdigest()
        scored = self._scored(image)
        if scored and (scored.version, scored.image_sha256) == (self._embedder.version, look.content_sha256):
            look.scored = scored
        return content

    def _references(self, identity_id: str) -> References:
        """Return an identity's references; they are read and embedded if no score did it before."""
        kept = self._scores.references(identity_id, self._embedder.version)
        if kept:
            return References(kept, kept=True)
        identity = self._identities.get(identity_id)
        keys = identity.references
        with _deleted("reference_deleted", "A reference image was deleted from the bucket."):
            contents = [self._bucket.read(key, MAX_IMAGE_BYTES) for key in keys]
        sha256s = [sha256(content).hexdigest() for content in contents]
        for key, found, taken_in in zip(keys, sha256s, identity.reference_sha256s, strict=False):
            if found != taken_in:
                message = f"{key!r} is not the picture any more that was taken in."
                raise InvalidRequest(message, code="reference_changed")
        new = []
        for key, content_sha256, view in zip(keys, sha256s, self._embedder.embed(contents), strict=True):
            if isinstance(view, InvalidRequest):
                message = f"The reference {key!r} cannot be compared: {view.message}"
                raise InvalidRequest(message, code="reference_unreadable")
            new.append(EmbeddedReference(key, content_sha256, view))
        return References(new, kept=False)


@contextmanager
def _deleted(code: Literal["image_deleted", "reference_deleted"], message: str) -> Iterator[None]:
    try:
        yield
    except NotFound as exc:
        raise InvalidRequest(message, code=code) from exc
