"""Lets a seed alone decide which histories hypothesis writes, and has it decide what is left out of one once.

By itself hypothesis also takes numbers from the constants of all modules that happen to be loaded, so that
other tests, or a constant somewhere in the code, would change the histories. And before each step it writes
down anew which rules a history goes without, for the shrinking that is not done here: half of its choices.
"""

from typing import Any

from hypothesis.internal.conjecture.providers import AVAILABLE_PROVIDERS, HypothesisProvider
from hypothesis.strategies._internal.featureflags import FeatureFlags

SEEDED = "seeded"


class SeededChoices(HypothesisProvider):
    def _maybe_draw_constant(self, *arguments: Any, **options: Any) -> None:
        """Draw none of the constants."""


AVAILABLE_PROVIDERS[SEEDED] = SeededChoices

_decide = FeatureFlags.is_enabled


def _decided_once(flags: FeatureFlags, name: Any) -> bool:
    decided: dict[Any, bool] = vars(flags).setdefault("decided", {})
    if name not in decided:
        decided[name] = _decide(flags, name)
    return decided[name]


FeatureFlags.is_enabled = _decided_once  # type: ignore[assignment,method-assign]
