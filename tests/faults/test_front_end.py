"""Every fault of a provider at every call to it: the front end gets what it wants or one sentence, paid once.

The front end asks again, as the sentence says, until there is an outcome.
"""

from base64 import b64encode
from collections.abc import Iterator

import pytest

from tests.faults.front_end_cells import CELLS, Cell, Order, failure_of, judge, orders_with
from tests.support.builders import an_image
from tests.support.in_process.front_end import front_end
from tests.support.in_process.harness import Harness, harness

pytestmark = pytest.mark.exhaustive

REFERENCES = [
    f"data:image/jpeg;base64,{b64encode(an_image(colour=(25 * number, 90, 200))).decode()}"
    for number in range(8)
]


@pytest.fixture(scope="module")
def inside() -> Iterator[Harness]:
    with pytest.MonkeyPatch.context() as patch, harness(patch) as inside:
        yield inside


@pytest.fixture(scope="module")
def orders(inside: Harness) -> Iterator[dict[str, Order]]:
    """What a client with a LoRA and a tune of its own can order."""
    with front_end(inside) as session:
        yield orders_with(REFERENCES, session.download)


@pytest.mark.parametrize("cell", [pytest.param(cell, id=str(cell)) for cell in CELLS])
def test_a_fault_costs_one_order_at_most_and_one_sentence(
    inside: Harness, orders: dict[str, Order], cell: Cell
) -> None:
    inside.simulator.state.faults.armed.clear()
    inside.simulator.arm(**cell.fault)
    failure = failure_of(orders[cell.order], cell)
    inside.run()
    assert not inside.simulator.state.faults.armed, "this call was never made"
    judge(cell, failure, cell.accepted(inside.paid()))
