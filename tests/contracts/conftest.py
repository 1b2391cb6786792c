"""A fresh simulator for each test that asks for one, and our adapters on another."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.contracts.ours import LINKS, PORTRAIT, Ours
from tests.support.simulators import Simulation


@pytest.fixture
def simulator() -> Iterator[Simulation]:
    """As forgiving as the real servers are believed to be: unknown fields are ignored."""
    with asyncio.Runner() as runner:
        yield Simulation(runner, strict=False, queue_s=1, training_s=10, generation_s=2)


@pytest.fixture
def ours() -> Iterator[Ours]:
    with asyncio.Runner() as runner:
        simulator = Simulation(runner, strict=True, queue_s=1, training_s=10, generation_s=2)
        for link in LINKS:
            simulator.publish(link, PORTRAIT)
        yield Ours(simulator)
