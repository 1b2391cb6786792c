"""A fresh stand-in for each test."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.support.simulators import StandIn


@pytest.fixture
def runner() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.fixture
def stand_in(runner: asyncio.Runner) -> StandIn:
    """Strict, with 10 s of training after 1 s in the queue."""
    return StandIn(runner, queue_s=1, training_s=10, generation_s=2)
