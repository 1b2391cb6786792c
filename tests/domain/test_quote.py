import pytest

from character_identity.domain.budget import Budget, Quote
from tests.support.builders import NO_LIMIT


def quoted(reserved: int, *, limit: int, held: int) -> Quote:
    budget = Budget(
        month="2026-11", limit_microusd=limit, reserved_microusd=held, operator_limit_microusd=NO_LIMIT
    )
    return Quote(estimate_microusd=None, reserved_microusd=reserved, budget=budget, prices={})


@pytest.mark.parametrize(
    ("reserved", "limit", "held", "remaining", "affordable"),
    [
        (5, 10, 5, 5, True),
        (6, 10, 5, 5, False),
        (1, 10, 10, 0, False),
        (0, 10, 10, 0, True),
        (1, 10, 12, 0, False),
        (0, 10, 12, 0, True),
    ],
)
def test_an_order_is_affordable_if_the_most_it_may_cost_is_left(
    reserved: int, limit: int, held: int, remaining: int, affordable: bool
) -> None:
    quote = quoted(reserved, limit=limit, held=held)
    assert (quote.budget.remaining_microusd, quote.affordable) == (remaining, affordable)
