"""What Astria charges, and what is left on the account."""

from typing import Any

from local.providers.astria_objects import num_images
from local.providers.astria_rules import Refused
from local.providers.clock import iso
from local.providers.ledger import Call
from local.providers.stage import Stage

MC_PER_USD = 100_000
TUNE_COST_MC = 150_000
PICTURE_COST_MC = 2_300


def prompt_cost_mc(fields: dict[str, Any]) -> int:
    """The price of a prompt's pictures."""
    return PICTURE_COST_MC * num_images(fields)


def require_balance(stage: Stage, cost_mc: int) -> None:
    """Check that an order can be paid.

    Raises:
        Refused: there is not enough left.
    """
    if cost_mc > balance_mc(stage):
        raise Refused({"error": "Insufficient balance"}, stage.settings.astria_no_balance_status)


def pay(stage: Stage, endpoint: str, request_id: str, fields: dict[str, Any], cost_mc: int) -> None:
    """Take the price off the balance and write it down."""
    call = Call("astria", endpoint, request_id, fields, iso(stage.clock.now()), cost_mc / MC_PER_USD)
    stage.ledger.record(call)


def balance_mc(stage: Stage) -> int:
    """What is left on the account."""
    return stage.settings.astria_balance_mc - round(stage.ledger.total_usd("astria") * MC_PER_USD)
