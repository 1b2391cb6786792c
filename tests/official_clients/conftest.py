"""A simulator process for all tests of the official clients; each test finds it fresh."""

from collections.abc import Iterator

import pytest

from local.service import Service
from tests.official_clients.simulator import LiveSimulator, Receiver, receiving


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveSimulator]:
    words = ("--port", "0", "--training-seconds", "1", "--generation-seconds", "0.2")
    service = Service("local.simulators", *words, logs=tmp_path_factory.mktemp("logs"))
    try:
        yield LiveSimulator(f"http://127.0.0.1:{service.announcement()['port']}")
    finally:
        service.stop()


@pytest.fixture
def simulator(process: LiveSimulator) -> LiveSimulator:
    process.control("POST", "/reset")
    return process


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver
