"""Scoring: compare generated pictures with the references of their identities."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from character_identity.domain.errors import InvalidRequest, NotFound
from character_identity.domain.event import Event
from character_identity.domain.face import Face, NoFace
from character_identity.domain.generation import MAX_STORED_BYTES
from character_identity.domain.job import job_id_of
from character_identity.domain.score import EmbeddedReference, KeptReferences, NotScored, Score
from character_identity.domain.view import View
from character_identity.observability import add_log_keys
from character_identity.ports.gateways import Now
from character_identity.ports.stores import Bucket, Identities, Scores
from character_identity.services.embedded_references import EmbeddedReferences
from character_identity.services.encoders import Encoders
from character_identity.services.evaluations.scoring import SharedScoring
from character_identity.services.side_by_side import side_by_side
from character_identity.services.webhooks.events import EventService

AFTER_A_SCORE = {"image_deleted", "reference_changed", "reference_deleted", "reference_unreadable"}
"""Reasons that take no score away: they say nothing of the picture as it was when it got one."""


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
    """An identity's references as the encoder sees them, or the ``failure`` to see them, and their owner.

    ``kept`` once they are in the table.
    """

    owner: str = ""
    embedded: Sequence[EmbeddedReference] = ()
    kept: bool = False
    failure: Exception | None = None


@dataclass
class Look:
    """What was seen of the picture under a key: all that its score takes, or the ``failure`` to see it.

    ``scored`` is the score that it has already: it is the same picture still. ``earlier`` is one of the same
    picture, by another version of the encoder.
    """

    key: str
    origin: dict[str, str] = field(default_factory=dict)
    content_sha256: str = ""
    view: View | None = None
    faces: Sequence[Face] | NoFace = "no_face"
    references: References = field(default_factory=References)
    scored: Score | None = None
    earlier: Score | None = None
    failure: Exception | None = None


class ScoringService:
    """Scores stored pictures; doing it twice leaves what doing it once leaves.

    Of a picture's identity one row is read, which has its references as the encoder sees them. The first
    score of an identity makes it: the intake sees thumbnails only, and their embeddings are others.
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
        shared: SharedScoring | None = None,
    ) -> None:
        self._identities = identities
        self._bucket = bucket
        self._scores = scores
        self._encoders = encoders
        self._embedded_references = EmbeddedReferences(bucket, scores, encoders)
        self._events = events
        self._now = now
        self._shared = shared

    def look_at(self, keys: Iterable[str]) -> list[Look]:
        """Read the pictures under ``keys`` side by side and embed them together.

        One that fails leaves the others be.
        """
        looks = [Look(key) for key in keys]
        self._find_references(looks)
        contents = side_by_side(self._try_to_read, looks)
        read = list(zip(looks, contents, strict=True))
        new = [(look, content) for look, content in read if content is not None and look.scored is None]
        views = self._encoders.whole.embed([content for _, content in new])
        for (look, content), view in zip(new, views, strict=True):
            if isinstance(view, InvalidRequest):
                look.failure = view
            else:
                look.view = view
                self._look_for_faces(look, content)
        return looks

    def score(self, look: Look) -> Score | NotScored | None:
        """Compare what was seen with the references that its identity names; store the score, and tell.

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
        about = image.identity_id, image.generation_id, image.index
        event = Event.of_score(look.references.owner, *about, outcome, self._now())
        try:
            is_new = self._scores.put_score(*about, outcome, new, event, look.earlier)
        except NotFound:
            return None
        if is_new:
            self._events.publish_new(event)
        else:  # somebody may have died before telling
            self._events.publish_soon(event.event_id)
        if new is not None:
            look.references.kept = True
        evaluation_id = look.origin.get("evaluation_id")
        if self._shared is not None and evaluation_id:
            # After its own: an evaluation that has all shared scores waits for nothing more.
            seen = outcome if look.view is None else (look.content_sha256, look.view, look.faces)
            self._shared.score(evaluation_id, image.generation_id, image.index, seen)
            self._shared.tell(evaluation_id)
        return outcome

    def _outcome(self, look: Look) -> tuple[Score | NotScored, KeptReferences | None]:
        """Return what there is to store: what became of the picture, and references that are not kept."""
        if isinstance(look.failure, InvalidRequest):
            return self._encoders.not_scored(look.failure.code, look.failure.message), None
        if look.view is None:
            raise look.failure or RuntimeError(f"{look.key!r} was not looked at.")
        references = look.references
        score = self._encoders.score(look.content_sha256, look.view, look.faces, references.embedded)
        return score, None if references.kept else KeptReferences(references.owner, references.embedded)

    def _look_for_faces(self, look: Look, content: bytes) -> None:
        try:
            look.faces = self._encoders.look_for_faces(content, look.references.embedded)
        except Exception as exc:  # score() raises it
            look.failure, look.view = exc, None

    def _scored(self, image: GeneratedImage) -> Score | None:
        return self._scores.score_of(image.generation_id, image.index, self._encoders.version.encoder)

    def _find_references(self, looks: Sequence[Look]) -> None:
        found: dict[str, References] = {}
        for look in looks:
            try:
                identity_id = GeneratedImage.of(look.key).identity_id
            except InvalidRequest as exc:
                look.failure = exc
                continue
            if identity_id not in found:
                found[identity_id] = self._references(identity_id)
            look.references = found[identity_id]
            look.failure = look.references.failure

    def _try_to_read(self, look: Look) -> bytes | None:
        """Return a picture's file; None if it could not be had, or was not to be read."""
        if look.failure is None:
            try:
                return self._read(look)
            except Exception as exc:  # score() raises it
                look.failure = exc
        return None

    def _read(self, look: Look) -> bytes:
        try:
            content, look.origin = self._bucket.read_with_origin(look.key, MAX_STORED_BYTES)
        except NotFound as exc:
            message = "The picture was deleted before it was compared."
            raise InvalidRequest(message, code="image_deleted") from exc
        look.content_sha256 = sha256(content).hexdigest()
        image = GeneratedImage.of(look.key)
        scored = self._scored(image)
        if scored and scored.image_sha256 == look.content_sha256:
            if scored.version != self._encoders.version:
                look.earlier = scored
            elif self._encoders.face_version in (None, scored.face_version) and self._is_shared(look, image):
                look.scored = scored
        return content

    def _is_shared(self, look: Look, image: GeneratedImage) -> bool:
        """Whether the evaluation that the picture is of, if it is of one, has a score of it."""
        evaluation_id = look.origin.get("evaluation_id")
        if self._shared is None or not evaluation_id:
            return True
        return self._shared.is_scored(evaluation_id, image.generation_id, image.index)

    def _references(self, identity_id: str) -> References:
        """Return an identity's references; they are read and embedded if no score did it before."""
        references = References()
        try:
            kept = self._embedded_references.kept(identity_id)
            if kept is None:
                identity = self._identities.get(identity_id)
                made = self._embedded_references.made(identity)
                references.owner, references.embedded = identity.owner, made
            else:
                references.owner, references.embedded = kept
            references.kept = kept is not None
        except Exception as exc:  # score() raises it, of each picture
            references.failure = exc
        return references
