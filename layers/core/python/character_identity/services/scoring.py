"""Scoring: compare generated pictures with the references of their identities, and store the scores."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from character_identity.domain.errors import InvalidRequest, NotFound
from character_identity.domain.event import Event
from character_identity.domain.face import Face, NoFace
from character_identity.domain.generation import MAX_STORED_BYTES
from character_identity.domain.job import job_id_of
from character_identity.domain.object_keys import ImageKey
from character_identity.domain.score import EmbeddedReference, KeptReferences, NotScored, Score
from character_identity.domain.view import View
from character_identity.observability import add_log_keys
from character_identity.ports.gateways import Now
from character_identity.ports.stores import Bucket, Identities, Scores
from character_identity.services.concurrency import map_concurrently
from character_identity.services.embedded_references import EmbeddedReferences
from character_identity.services.encoders import Encoders
from character_identity.services.evaluations.scoring import SharedScoring
from character_identity.services.webhooks.events import EventService

BEGUN_WITH_S = 60
"""Seconds that must be left to begin embedding an identity's references. Twenty without a face take 19 s of a
core, those of an evaluation as long again, and the pictures need the rest. Running out of time loses all."""
ASK_WHY_WITH_S = 25
"""Seconds that must be left to find out why a picture shows no face, which takes 4 s of a core. Searching ten
pictures takes 6 s more (docs/scoring.md), and slower cores take twice as long."""
AFTER_A_SCORE = {"image_deleted", "reference_changed", "reference_deleted", "reference_unreadable"}
"""Reasons that leave an earlier score in place: they say nothing about the picture as it was then."""


@dataclass
class IdentityReferences:
    """An identity's references as the encoder sees them, and their owner; or the ``failure`` to see them.

    ``kept``: they are in the table.
    """

    owner: str = ""
    embedded: Sequence[EmbeddedReference] = ()
    kept: bool = False
    failure: Exception | None = None


@dataclass
class EmbeddedImage:
    """What the encoders saw of the picture under a key, or the ``failure`` to see it.

    ``scored``: the score that it has already, if it is still the same picture.
    ``earlier``: a score of the same picture by another version of the encoder.
    """

    key: str
    origin: dict[str, str] = field(default_factory=dict)
    content_sha256: str = ""
    view: View | None = None
    faces: Sequence[Face] | NoFace = "no_face"
    references: IdentityReferences = field(default_factory=IdentityReferences)
    scored: Score | None = None
    earlier: Score | None = None
    failure: Exception | None = None


class ScoringService:
    """Scores stored pictures; doing so twice changes nothing.

    An identity's references, as the encoder sees them, are kept in one row. Its first score makes that row,
    for the intake embeds thumbnails only, which come out differently. A batch with many first scores may take
    longer than a function has: ``left_s`` tells how many seconds are left, and pictures for which there is no
    time fail and come again. Then it is not asked either why a picture shows no face.
    """

    def __init__(
        self,
        *,
        identities: Identities,
        bucket: Bucket,
        scores: Scores,
        encoders: Encoders,
        events: EventService,
        now: Now,
        shared: SharedScoring,
        left_s: Callable[[], float] = lambda: math.inf,
    ) -> None:
        self._identities = identities
        self._bucket = bucket
        self._scores = scores
        self._encoders = encoders
        self._embedded_references = EmbeddedReferences(bucket, scores, encoders, left_s)
        self._events = events
        self._now = now
        self._shared = shared
        self._left_s = left_s

    def embed(self, keys: Iterable[str]) -> list[EmbeddedImage]:
        """Read the pictures under ``keys`` concurrently, embed them together; each notes its own failure."""
        images = [EmbeddedImage(key) for key in keys]
        self._find_references(images)
        contents = map_concurrently(self._try_to_read, images)
        read = list(zip(images, contents, strict=True))
        new = [
            (embedded, content)
            for embedded, content in read
            if content is not None and embedded.scored is None
        ]
        views = self._encoders.whole.embed([content for _, content in new])
        for (embedded, content), view in zip(new, views, strict=True):
            if isinstance(view, InvalidRequest):
                embedded.failure = view
            else:
                embedded.view = view
                self._find_faces(embedded, content)
        return images

    def score(self, embedded: EmbeddedImage) -> Score | NotScored | None:
        """Compare a picture with the references of its identity, store the score and publish it.

        NotScored is stored instead if the picture or a reference can never be compared; but a score from
        before a picture was deleted stays. Returns None, and stores nothing, if the identity was erased.

        Raises:
            InvalidRequest: the key is not a generated image's.
            Exception: whatever kept the picture from being seen this time.
        """
        image = ImageKey.of(embedded.key)
        add_log_keys(**{"job_id": job_id_of("generation", image.generation_id), **embedded.origin})
        if isinstance(embedded.failure, NotFound):
            return None
        if isinstance(embedded.failure, InvalidRequest) and embedded.failure.code in AFTER_A_SCORE:
            embedded.scored = self._scored(image)
        outcome = embedded.scored or self._store(embedded, image)
        if outcome is not None:
            self._score_for_all(embedded, image, outcome)
        return outcome

    def _store(self, embedded: EmbeddedImage, image: ImageKey) -> Score | NotScored | None:
        """Store the score of a picture, or why it has none, and publish it; None if the picture is gone."""
        outcome, new = self._outcome(embedded)
        about = image.identity_id, image.generation_id, image.index
        event = Event.of_score(embedded.references.owner, *about, outcome, self._now())
        try:
            is_new = self._scores.put_score(*about, outcome, new, event, embedded.earlier)
        except NotFound:
            return None
        if is_new:
            self._events.publish_new(event)
        else:  # whoever stored it may have died before publishing it
            self._events.publish_soon(event.event_id)
        if new is not None:
            embedded.references.kept = True
        return outcome

    def _score_for_all(self, embedded: EmbeddedImage, image: ImageKey, outcome: Score | NotScored) -> None:
        """Compare a picture of an evaluation with all references of its character, unless that was done.

        This comes after its own score, as an evaluation that has all shared scores waits no longer.
        """
        evaluation_id = embedded.origin.get("evaluation_id")
        if not evaluation_id or (embedded.scored and embedded.view is None):
            return
        seen = outcome if embedded.view is None else (embedded.content_sha256, embedded.view, embedded.faces)
        self._shared.score(evaluation_id, image, seen)
        self._shared.tell(evaluation_id)

    def _outcome(self, embedded: EmbeddedImage) -> tuple[Score | NotScored, KeptReferences | None]:
        """Return what to store: the score, or why there is none, and references that are not kept yet."""
        if isinstance(embedded.failure, InvalidRequest):
            return self._encoders.not_scored(embedded.failure.code, embedded.failure.message), None
        if embedded.view is None:
            raise embedded.failure or RuntimeError(f"{embedded.key!r} was not embedded.")
        references = embedded.references
        score = self._encoders.score(
            embedded.content_sha256, embedded.view, embedded.faces, references.embedded
        )
        return score, None if references.kept else KeptReferences(references.owner, references.embedded)

    def _find_faces(self, embedded: EmbeddedImage, content: bytes) -> None:
        references, evaluation_id = embedded.references.embedded, embedded.origin.get("evaluation_id")
        try:
            if evaluation_id:
                # The provider may have taken only those references that show no face.
                references = [*references, *self._shared.references(evaluation_id)]
            embedded.faces = self._encoders.find_faces(
                content, references, may_ask_why=lambda: self._left_s() > ASK_WHY_WITH_S
            )
        except Exception as exc:  # score() raises it
            embedded.failure, embedded.view = exc, None

    def _scored(self, image: ImageKey) -> Score | None:
        return self._scores.score_of(image.generation_id, image.index, self._encoders.version.encoder)

    def _find_references(self, images: Sequence[EmbeddedImage]) -> None:
        found: dict[str, IdentityReferences] = {}
        for embedded in images:
            try:
                identity_id = ImageKey.of(embedded.key).identity_id
            except InvalidRequest as exc:
                embedded.failure = exc
                continue
            if identity_id not in found:
                found[identity_id] = self._references(identity_id)
            embedded.references = found[identity_id]
            embedded.failure = embedded.references.failure

    def _try_to_read(self, embedded: EmbeddedImage) -> bytes | None:
        """Return a picture's content; None if it cannot be read or need not be.

        If its identity's references are lost, it is read for its evaluation only, which has others.
        """
        failure, of_references = embedded.failure, embedded.references.failure
        is_lost = isinstance(failure, InvalidRequest) and failure is of_references
        if failure is None or is_lost:
            try:
                content = self._read(embedded)
            except Exception as exc:  # score() raises it
                embedded.failure = exc
            else:
                return content if failure is None or embedded.origin.get("evaluation_id") else None
        return None

    def _read(self, embedded: EmbeddedImage) -> bytes:
        try:
            content, embedded.origin = self._bucket.read_with_origin(embedded.key, MAX_STORED_BYTES)
        except NotFound as exc:
            message = "The picture was deleted before it was compared."
            raise InvalidRequest(message, code="image_deleted") from exc
        embedded.content_sha256 = sha256(content).hexdigest()
        image = ImageKey.of(embedded.key)
        scored = self._scored(image)
        if scored and scored.image_sha256 == embedded.content_sha256:
            if scored.version != self._encoders.version:
                embedded.earlier = scored
            elif self._encoders.face_version in (None, scored.face_version) and self._is_shared(
                embedded, image
            ):
                embedded.scored = scored
        return content

    def _is_shared(self, embedded: EmbeddedImage, image: ImageKey) -> bool:
        """Return True unless the picture belongs to an evaluation that has no score of it yet."""
        evaluation_id = embedded.origin.get("evaluation_id")
        return not evaluation_id or self._shared.is_scored(evaluation_id, image.generation_id, image.index)

    def _references(self, identity_id: str) -> IdentityReferences:
        """Return an identity's references; read and embed them unless an earlier score did so."""
        references = IdentityReferences()
        try:
            kept = self._embedded_references.kept(identity_id)
            if kept is None:
                identity = self._identities.get(identity_id)
                references.owner = identity.owner  # who is told even if the references cannot be read
                references.embedded = self._embedded_references.made(identity, BEGUN_WITH_S)
            else:
                references.owner, references.embedded = kept
            references.kept = kept is not None
        except Exception as exc:  # score() raises it, of each picture
            references.failure = exc
        return references
