"""Charges of Astria's, and the balance of the account."""

from typing import Any

from local.simulators.astria.objects import num_images
from local.simulators.astria.rules import OrderRefused
from local.simulators.clock import iso
from local.simulators.ledger import Call
from local.simulators.memory import without_files
from local.simulators.simulator import Simulator

MC_PER_USD = 100_000
TUNE_COST_MC = 150_000
IMAGE_COST_MC = 2_300


def prompt_cost_mc(fields: dict[str, Any]) -> int:
    """The price of a prompt's pictures."""
    return IMAGE_COST_MC * num_images(fields)


def require_balance(simulator: Simulator, cost_mc: int) -> None:
    """Check that an order can be paid.

    Raises:
        OrderRefused: there is not enough left.
    """
    if cost_mc > balance_mc(simulator):
        raise OrderRefused({"error": "Insufficient balance"}, simulator.settings.astria_no_balance_status)


def pay(simulator: Simulator, endpoint: str, request_id: str, fields: dict[str, Any], cost_mc: int) -> None:
    """Take the price off the balance and write it down."""
    sent, now = without_files(fields), iso(simulator.clock.now())
    call = Call("astria", endpoint, request_id, sent, now, cost_mc / MC_PER_USD)
    simulator.ledger.record(call)


def balance_mc(simulator: Simulator) -> int:
    """Return what is left on the account."""
    return simulator.settings.astria_balance_mc - round(simulator.ledger.total_usd("astria") * MC_PER_USD)
