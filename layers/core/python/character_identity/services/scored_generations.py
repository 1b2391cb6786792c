"""Scored generations: one generation with its scores, waited for if its owner likes."""

from collections.abc import Callable

from character_identity.domain.scored_generation import ScoredGeneration
from character_identity.ports.gateways import Now
from character_identity.ports.stores import Scores
from character_identity.services.generations import GenerationService
from character_identity.services.long_poll import wait_until


class ScoredGenerationService:
    """Reads generations together with what encoders say of their pictures."""

    def __init__(
        self, generations: GenerationService, scores: Scores, now: Now, sleep: Callable[[float], None]
    ) -> None:
        self._generations = generations
        self._scores = scores
        self._now = now
        self._sleep = sleep

    def get(
        self, owner: str, generation_id: str, wait_s: float = 0, *, for_scores: bool = False
    ) -> ScoredGeneration:
        """One generation of this owner once it is settled, or as it is after ``wait_s``.

        With ``for_scores`` it is waited for until its pictures are scored, or will not be.

        Raises:
            NotFound: this owner has no such generation.
        """
        return wait_until(
            lambda found: found.is_done(for_scores=for_scores),
            lambda: self._read(owner, generation_id),
            wait_s,
            self._now,
            self._sleep,
        )

    def _read(self, owner: str, generation_id: str) -> ScoredGeneration:
        generation = self._generations.get(owner, generation_id)
        found = self._scores.scores_of(generation_id) if generation.images else {}
        return ScoredGeneration(generation, self._now(), found)
