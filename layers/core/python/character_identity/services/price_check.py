"""Tells whether a provider's prices are still those of our list, by which budgets are kept."""

import logging
import math
from collections.abc import Callable, Mapping, Sequence

from character_identity.domain.prices import Price
from character_identity.observability import count

logger = logging.getLogger(__name__)


class PriceCheck:
    """Compares prices. ``listed`` are ours, by what the provider calls the thing, ``told`` asks for its own.

    ``told`` answers dollars a unit, and leaves out what it has no price for.
    """

    def __init__(
        self, listed: Mapping[str, Price], told: Callable[[Sequence[str]], Mapping[str, float]]
    ) -> None:
        self._listed = listed
        self._told = told

    def changed(self) -> Mapping[str, float | None]:
        """The provider's prices that differ, None where it tells none; all are logged and counted.

        Raises:
            ProviderUnavailable: it did not tell its prices.
            ProviderNotConfigured: there is no key to ask with.
        """
        told = self._told(list(self._listed))
        changed = {
            name: told.get(name) for name, price in self._listed.items() if not _agree(price, told.get(name))
        }
        for name, amount_usd in changed.items():
            amounts = {"listed_usd": self._listed[name].amount_usd, "told_usd": amount_usd}
            logger.warning("a price is not that of our list", extra={"endpoint": name, **amounts})
            count("ChangedPrices")
        return changed


def _agree(price: Price, amount_usd: float | None) -> bool:
    """Return True if an amount is the listed one, or a thousandth where we list a thousand steps."""
    if amount_usd is None:
        return False
    amounts = [price.amount_usd, *([price.amount_usd / 1000] if price.unit == "1000 steps" else [])]
    return any(math.isclose(amount_usd, amount, rel_tol=1e-6) for amount in amounts)
