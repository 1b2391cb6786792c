"""What is said of evaluations: what one would cost, and how far one is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from character_identity.domain.budget import Quote, microusd
from character_identity.domain.evaluation import CellOutcome, Evaluation
from character_identity.domain.identity import Identity, ProviderName


class ProviderQuote(NamedTuple):
    """What one provider's part would cost; an ``estimate_microusd`` of None is one that nobody can give."""

    provider: ProviderName
    cells: int
    images: int
    estimate_microusd: int | None
    ceiling_microusd: int


@dataclass(frozen=True)
class EvaluationQuote:
    """What an evaluation would cost. ``assumed_microusd`` is the part without a price, at its ceiling."""

    by_provider: Sequence[ProviderQuote]
    quote: Quote
    max_cost_usd: float

    @property
    def cells(self) -> int:
        return sum(each.cells for each in self.by_provider)

    @property
    def images(self) -> int:
        return sum(each.images for each in self.by_provider)

    @property
    def estimate_microusd(self) -> int:
        """Of those parts whose price is known."""
        return sum(each.estimate_microusd or 0 for each in self.by_provider)

    @property
    def assumed_microusd(self) -> int:
        return sum(each.ceiling_microusd for each in self.by_provider if each.estimate_microusd is None)

    @property
    def ceiling_microusd(self) -> int:
        """The most that it can cost, which is set aside."""
        return self.quote.reserved_microusd

    @property
    def is_over_maximum(self) -> bool:
        """Return True if it may cost more than its caller would pay."""
        return self.ceiling_microusd > microusd(self.max_cost_usd)


@dataclass(frozen=True)
class Progress:
    """An evaluation with what there is of it by now."""

    evaluation: Evaluation
    identities: Sequence[Identity]
    outcomes: Sequence[CellOutcome]
    scored: int
    not_scored: int

    @property
    def cost_usd(self) -> float:
        """Return what is known to be spent."""
        made = [each for each in self.identities if each.provider in self.evaluation.made]
        costs = [*(each.cost_usd for each in made), *(each.cost_usd for each in self.outcomes)]
        return sum(cost for cost in costs if cost is not None)
