"""Faults of a provider on the running system: the front end gets what it wants or one sentence, paid once.

Of the cells of ``tests/faults/test_front_end.py`` as many as have each call and each fault occur. No picture
is scored meanwhile: that is no call to a provider, and would take most of the time.
"""

import time
from collections.abc import Iterator
from typing import Any

import pytest

from character_identity_client import ProxySession, configure
from tests.faults.front_end_cells import CELLS, Cell, Order, failure_of, get, judge, orders_with
from tests.system.conftest import TRAINING_S, Running
from tests.typescript.shelf import shelf

pytestmark = pytest.mark.processes

CLIENT_POLL_S = 0.3
OWNER, ENOUGH_MICROUSD = "faults", "1000000000"
SAMPLE = (
    "training-fal.initiate_upload-429",
    "training-fal.upload-cut",
    "training-fal.submit-500-after",
    "training-fal.status-502-page",
    "training-fal.result-422",
    "training-fal.media-late",
    "lora-fal.submit-cut-after",
    "lora-fal.status-cut",
    "lora-fal.result-500",
    "lora-fal.media-429",
    "instant-fal.upload-500",
    "instant-fal.submit-job-blocked",
    "instant-fal.media-502-page",
    "tune-astria.create_tune-502-page-after",
    "tune-astria.get_tune-429",
    "prompt-astria.create_prompt-job-fails",
    "prompt-astria.get_prompt-422",
    "prompt-astria.media-late",
)


@pytest.fixture(scope="module")
def orders(running_system: Running) -> Iterator[dict[str, Order]]:
    """What a client with a LoRA and a tune of its own can order."""
    system = running_system.system
    running_system.providers.post("/control/settings", json={"training_s": 0.1}).raise_for_status()
    running_system.aws("dynamodb").put_item(
        TableName=system.table,
        Item={"pk": {"S": f"BUDGET#{OWNER}"}, "sk": {"S": "LIMIT"}, "limit_microusd": {"N": ENOUGH_MICROUSD}},
    )
    with (
        running_system.unscored(),
        shelf(running_system.people["Eileen"][0].parent) as images_url,
        ProxySession(
            system.api_url, system.token_for(OWNER), sleep=lambda _: time.sleep(CLIENT_POLL_S)
        ) as session,
    ):
        configure(session)
        yield orders_with([f"{images_url}/{path.name}" for path in running_system.people["Eileen"]], get)
        configure(None)
    running_system.providers.post("/control/settings", json={"training_s": TRAINING_S}).raise_for_status()


def test_the_sample_has_each_call_and_each_fault() -> None:
    sample = [cell for cell in CELLS if str(cell) in SAMPLE]
    assert len(sample) == len(SAMPLE)
    assert {cell.operation for cell in sample} == {cell.operation for cell in CELLS}
    assert {cell.kind for cell in sample} == {cell.kind for cell in CELLS}


@pytest.mark.parametrize("cell", [pytest.param(cell, id=str(cell)) for cell in CELLS if str(cell) in SAMPLE])
def test_a_fault_costs_one_order_at_most_and_one_sentence(
    running_system: Running, orders: dict[str, Order], cell: Cell
) -> None:
    running_system.arm(**cell.fault)
    failure = failure_of(orders[cell.order], cell)
    assert cell.is_used(_told(running_system, "faults")), "this call was never made"
    judge(cell, failure, cell.accepted(_told(running_system, "ledger")["calls"]))


def _told(running_system: Running, what: str) -> Any:
    return running_system.providers.get(f"/control/{what}").raise_for_status().json()
