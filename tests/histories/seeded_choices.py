"""Lets a seed alone decide which histories hypothesis writes.

By itself hypothesis also takes numbers from the constants of all modules that happen to be loaded, so that
other tests, or a constant somewhere in the code, would change the histories.
"""

from typing import Any

from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider

SEEDED = "seeded"


class SeededChoices(HypothesisProvider):
    def _maybe_draw_constant(self, *arguments: Any, **options: Any) -> None:
        """Draw none of the constants."""


AVAILABLE_PROVIDERS[SEEDED] = SeededChoices
