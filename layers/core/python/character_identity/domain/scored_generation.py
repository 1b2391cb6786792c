"""A generation together with what encoders say of its pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from character_identity.domain.generation import GeneratedImage, Generation
from character_identity.domain.score import NotScored, Score

Scoring = Literal["pending", "complete", "notScored"]
"""``complete``: every picture has a score or a reason why not, and one at least a score."""

SCORED_WITHIN = timedelta(hours=2)
"""After the pictures are there. Each is tried five times, 12 minutes apart (``infra/events.py``). What an
operator has scored later, out of the dead-letter queue, has its score then."""
LATE_CODE = "not_scored_in_time"
LATE_REASON = "The picture was not scored within two hours. The operator may have it scored later."


@dataclass(frozen=True)
class ScoredGeneration:
    """A generation as it was read ``at`` a time, with what encoders said by then, by image index."""

    generation: Generation
    at: datetime
    found: Mapping[int, Sequence[Score | NotScored]] = field(default_factory=dict)

    @property
    def scoring(self) -> Scoring:
        """Return how far the scoring is; pictures that were filtered or failed are not waited for."""
        if self.generation.settled_at is None or not (self.is_over or all(map(self._found, self._made))):
            return "pending"
        return "complete" if any(map(self.scores_of, self._made)) else "notScored"

    @property
    def scoring_of_some(self) -> Scoring | None:
        """``scoring`` where not every score was looked for; None if the others may decide."""
        is_known = self.generation.settled_at is None or all(map(self._found, self._made))
        if is_known or (self.is_over and any(map(self.scores_of, self._made))):
            return self.scoring
        return None

    def is_done(self, *, for_scores: bool) -> bool:
        """Return True if its pictures are there, or never will be; and scored too, if that is waited for."""
        return self.generation.settled_at is not None and not (for_scores and self.scoring == "pending")

    def scores_of(self, image: GeneratedImage) -> list[Score]:
        """Return what encoders measured of an image."""
        return [each for each in self._found(image) if isinstance(each, Score)]

    def not_scored(self, image: GeneratedImage) -> NotScored | None:
        """Return why an encoder gave an image no score, if one says so."""
        return next((each for each in self._found(image) if isinstance(each, NotScored)), None)

    def is_late(self, image: GeneratedImage) -> bool:
        """Return True if nobody has looked at a picture in time."""
        return image.outcome == "succeeded" and not self._found(image) and self.is_over

    @property
    def is_over(self) -> bool:
        """Return True if no score is waited for any more."""
        settled_at = self.generation.settled_at
        return settled_at is not None and self.at >= settled_at + SCORED_WITHIN

    @property
    def _made(self) -> list[GeneratedImage]:
        return [image for image in self.generation.images if image.outcome == "succeeded"]

    def _found(self, image: GeneratedImage) -> Sequence[Score | NotScored]:
        return self.found.get(image.index, ())
