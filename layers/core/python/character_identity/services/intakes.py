"""Intakes: what an order stores before there is a row that it belongs to.

Pictures are stored before their row, so that whoever reads the row finds them. If the call dies in between,
or the row is refused, they are left, and no erasure knows of them. So a note is written first, and removed
in the same write that adds the row. If the note stays, the sweep deletes the pictures.
"""

from datetime import timedelta

from character_identity.domain.get_or_none import get_or_none
from character_identity.domain.object_keys import EVALUATIONS, REFERENCES, prefix_of
from character_identity.ports.gateways import Now
from character_identity.ports.stores import Bucket, Evaluations, Identities, OpenWork

ABANDONED_AFTER = timedelta(hours=1)
"""Until then a call that died may be repeated with its key, or its machine restarted, with the same id."""


class IntakeService:
    """Notes what is about to be stored, and deletes what nobody owns."""

    def __init__(
        self,
        *,
        open_work: OpenWork,
        identities: Identities,
        evaluations: Evaluations,
        bucket: Bucket,
        now: Now,
    ) -> None:
        self._open_work = open_work
        self._identities = identities
        self._evaluations = evaluations
        self._bucket = bucket
        self._now = now

    def begin(self, owner: str, subject_id: str) -> None:
        """Note that objects are about to be stored for an identity or an evaluation."""
        self._open_work.add_intake(owner, subject_id, self._now() + ABANDONED_AFTER)

    def end(self, subject_id: str) -> None:
        """Delete what was stored, unless the identity or evaluation exists: another call may have made it."""
        is_identity = get_or_none(self._identities.get, subject_id) is not None
        is_evaluation = get_or_none(self._evaluations.get, subject_id) is not None
        if not (is_identity or is_evaluation):
            for kind in (REFERENCES, EVALUATIONS):
                self._bucket.delete(*self._bucket.list_keys(prefix_of(kind, subject_id)))
        self._open_work.remove_intake(subject_id)
