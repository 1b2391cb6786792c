"""Shared scores: every picture of an evaluation against the same references, namely all of the character's.

Providers take different numbers of references, and a mean over three is not comparable with one over eight.
The scorer has embedded the picture already, so this costs no second run of the encoder.
"""

from collections.abc import Callable, Sequence

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.face import Face, NoFace
from character_identity.domain.get_or_none import get_or_none
from character_identity.domain.job import EVALUATION, job_id_of
from character_identity.domain.object_keys import ImageKey
from character_identity.domain.score import EmbeddedReference, NotScored, Score
from character_identity.domain.view import View
from character_identity.ports.stores import Evaluations, SharedScores
from character_identity.services.embedded_references import EmbeddedReferences
from character_identity.services.encoders import Encoders
from character_identity.services.evaluations.scored import is_scored

BEGUN_WITH_S = 30
"""Seconds that must be left to begin embedding an evaluation's references, 20 at most. Fewer than for the
identity's own, as those are embedded first."""
Seen = tuple[str, View, Sequence[Face] | NoFace] | Score | NotScored
"""A picture's digest and what the encoders saw of it; or its outcome, if it was not embedded this time."""


class SharedScoring:
    """Scores pictures of evaluations; doing so twice changes nothing.

    One instance reads the references of an evaluation once, for all pictures that it scores.
    """

    def __init__(
        self,
        *,
        evaluations: Evaluations,
        scores: SharedScores,
        references: EmbeddedReferences,
        encoders: Encoders,
        tell: Callable[[str], None],
    ) -> None:
        self._evaluations = evaluations
        self._scores = scores
        self._references = references
        self._encoders = encoders
        self._tell = tell
        self._known: dict[str, list[EmbeddedReference] | NotScored | None] = {}
        self._new: set[str] = set()
        """Evaluations whose references were embedded here and are not stored yet."""

    def score(self, evaluation_id: str, image: ImageKey, seen: Seen) -> None:
        """Store how similar a picture is to all references, or why that is not known."""
        references = self._references_of(evaluation_id)
        if references is None:  # the evaluation was erased
            return
        if isinstance(seen, NotScored | Score):
            reason = NotScored(encoder=seen.encoder, code="not_scored", reason="The picture was not seen.")
            found: Score | NotScored = seen if isinstance(seen, NotScored) else reason
        elif isinstance(references, NotScored):
            found = references
        else:
            digest, view, faces = seen
            found = self._encoders.score(digest, view, faces, references)
        new: Sequence[EmbeddedReference] = ()
        if evaluation_id in self._new and isinstance(references, list) and isinstance(found, Score):
            new = references  # only once, so as not to bring back what an erasure deletes later
        embedding = None if isinstance(seen, NotScored | Score) else seen[1].embedding
        self._scores.put_shared_score(
            evaluation_id, image.generation_id, image.index, found, new, embedding, image.identity_id
        )
        if new:
            self._new.discard(evaluation_id)

    def references(self, evaluation_id: str) -> Sequence[EmbeddedReference]:
        """Return the references of an evaluation; none if they cannot be compared with.

        Raises:
            NoTimeLeft: there was no time to embed them.
        """
        found = self._references_of(evaluation_id)
        return found if isinstance(found, list) else ()

    def is_scored(self, evaluation_id: str, generation_id: str, index: int) -> bool:
        """Return True if a picture has its score against all references, or a reason why not."""
        return self._scores.has_shared_score(evaluation_id, generation_id, index)

    def tell(self, evaluation_id: str) -> None:
        """Wake the evaluation's machine if it waits for scores and has them all."""
        evaluation = get_or_none(self._evaluations.get, evaluation_id)
        if evaluation is None or evaluation.phase != "scores":
            return
        if is_scored(evaluation, self._evaluations, self._scores):
            self._tell(job_id_of(EVALUATION, evaluation_id))

    def _references_of(self, evaluation_id: str) -> list[EmbeddedReference] | NotScored | None:
        if evaluation_id not in self._known:
            self._known[evaluation_id] = self._read(evaluation_id)
        return self._known[evaluation_id]

    def _read(self, evaluation_id: str) -> list[EmbeddedReference] | NotScored | None:
        evaluation = get_or_none(self._evaluations.get, evaluation_id)
        if evaluation is None:
            return None
        kept = self._scores.shared_references(
            evaluation_id, self._encoders.version, self._encoders.face_version
        )
        if kept:
            return kept
        try:
            made = self._references.made(evaluation, BEGUN_WITH_S)
            self._new.add(evaluation_id)
            return made
        except InvalidRequest as exc:  # one was deleted or changed, so no picture can be compared
            return self._encoders.not_scored(exc.code, exc.message)
