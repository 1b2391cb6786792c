"""Embedded references: a character's references as the encoders see them."""

import math
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Protocol

from character_identity.domain.errors import InvalidRequest, NotFound
from character_identity.domain.generation import MAX_IMAGE_BYTES
from character_identity.domain.score import EmbeddedReference, KeptReferences
from character_identity.ports.stores import Bucket, Scores
from character_identity.services.concurrency import map_concurrently
from character_identity.services.encoders import Encoders


class StoredReferences(Protocol):
    """The stored references of an identity or of an evaluation, in their order."""

    @property
    def class_name(self) -> str: ...
    @property
    def references(self) -> Sequence[str]: ...
    @property
    def reference_sha256s(self) -> Sequence[str]: ...


class NoTimeLeft(Exception):
    """Too little time is left to embed references; the same call works later."""


class EmbeddedReferences:
    """Finds an identity's references as a score has kept them, or reads and embeds them.

    ``left_s`` returns the seconds that are left.
    """

    def __init__(
        self,
        bucket: Bucket,
        scores: Scores,
        encoders: Encoders,
        left_s: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._bucket = bucket
        self._scores = scores
        self._encoders = encoders
        self._left_s = left_s

    def kept(self, identity_id: str) -> KeptReferences | None:
        """Return them as a score by the same encoders has kept them; None if there was no such score."""
        return self._scores.references(identity_id, self._encoders.version, self._encoders.face_version)

    def made(
        self,
        stored: StoredReferences,
        begun_with_s: float = 0,
        go_on: Callable[[str], None] = lambda key: None,
    ) -> list[EmbeddedReference]:
        """Read and embed them as they are now; ``go_on`` as in ``Encoders.references``.

        Raises:
            NoTimeLeft: fewer than ``begun_with_s`` seconds are left; nothing was read.
            InvalidRequest: one was deleted or changed, or cannot be compared. A mean over the others would be
                a different number, and nobody could tell.
        """
        if self._left_s() < begun_with_s:
            raise NoTimeLeft(f"Less than {begun_with_s} s are left, too few to see references in.")
        keys = stored.references
        try:
            contents = list(map_concurrently(lambda key: self._bucket.read(key, MAX_IMAGE_BYTES), keys))
        except NotFound as exc:
            message = "A reference image was deleted from the bucket."
            raise InvalidRequest(message, code="reference_deleted") from exc
        for key, content, taken_in in zip(keys, contents, stored.reference_sha256s, strict=False):
            if sha256(content).hexdigest() != taken_in:
                message = f"{key!r} is not the picture any more that was taken in."
                raise InvalidRequest(message, code="reference_changed")
        return self._encoders.references(keys, contents, stored.class_name, go_on)
