"""A fresh simulator for each test."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.simulators import Simulation


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def simulator(runner: asyncio.Runner) -> Simulation:
    """Strict, with 10 s of training after 1 s in the queue."""
    return Simulation(runner, queue_s=1, training_s=10, generation_s=2)
