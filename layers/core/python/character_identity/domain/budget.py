"""Budget: an owner's limit in a month (UTC), and how the money of orders ends. In millionths of a dollar."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from character_identity.domain.job import ProviderJob
from character_identity.domain.prices import Price
from character_identity.domain.record import Record

MICROUSD_PER_USD = 1_000_000
FAR = 3
"""A bill of less than a third of the estimate, or of more than three times as much, is no rounding."""


class Budget(Record):
    """One owner's month, or the operator's: that of all owners, where each order must find room too.

    ``assumed`` is the part of ``committed`` without a published or reported price.
    """

    month: str
    limit_microusd: int
    operator_limit_microusd: int
    reserved_microusd: int = 0
    committed_microusd: int = 0
    assumed_microusd: int = 0
    jobs: int = 0

    @property
    def held_microusd(self) -> int:
        """The amount that is not there for further orders."""
        return self.reserved_microusd + self.committed_microusd

    @property
    def remaining_microusd(self) -> int:
        """The amount that is left for further orders; never negative, whatever became of the limit."""
        return max(0, self.limit_microusd - self.held_microusd)

    @property
    def used_percent(self) -> float:
        """The part of the limit that is not there for further orders; 100 where the limit is nothing."""
        return 100 * self.held_microusd / self.limit_microusd if self.limit_microusd else 100.0


@dataclass(frozen=True)
class Quote:
    """The expected cost of an order, None if no price is known, and the most it may cost, which is reserved.

    ``prices`` are what the estimate is made of, by what they are for.
    """

    estimate_microusd: int | None
    reserved_microusd: int
    budget: Budget
    prices: Mapping[str, Price]

    @property
    def affordable(self) -> bool:
        """True if the owner's month has room for the order."""
        return self.reserved_microusd <= self.budget.remaining_microusd


class Fund(NamedTuple):
    """What an evaluation has set aside in a month: its jobs draw from that, and from nothing else."""

    evaluation_id: str
    month: str


class Settlement(NamedTuple):
    """The end of a reservation: the cost, None if unknown, and the amount that counts against the budget.

    ``is_implausible``: the provider bills more than was set aside, or far from the estimate.
    """

    money: Literal["committed", "released"]
    cost_microusd: int | None
    committed_microusd: int
    is_implausible: bool = False


def settlement_of(job: ProviderJob) -> Settlement:
    """Commit what the provider reported, else the estimate, else all that was reserved.

    Only what the provider proved not to have accepted is released; an unknown outcome may have been billed.
    """
    if job.state in {"accepted", "rejected", "dropped"}:
        return Settlement("released", 0, 0)
    known = job.estimate_microusd if job.reported_microusd is None else job.reported_microusd
    committed = job.reserved_microusd if known is None else known
    return Settlement("committed", known, committed, _is_implausible(job))


def _is_implausible(job: ProviderJob) -> bool:
    reported, estimate = job.reported_microusd, job.estimate_microusd
    if reported is None:
        return False
    is_far = estimate is not None and not estimate <= reported * FAR <= estimate * FAR**2
    return is_far or reported > job.reserved_microusd


def month_of(time: datetime) -> str:
    """``2026-11``."""
    return f"{time:%Y-%m}"


def microusd(usd: float) -> int:
    """Dollars in millionths, rounded up; the sixth decimal of a float product does not count."""
    return math.ceil(round(usd * MICROUSD_PER_USD, 3))


def usd(amount_microusd: int) -> float:
    """Millionths of a dollar in dollars."""
    return amount_microusd / MICROUSD_PER_USD
