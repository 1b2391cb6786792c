"""What every test may rely on: dummy AWS credentials, fresh services, no socket beyond loopback."""

import gc
import ipaddress
import os
import socket
from collections.abc import Generator, Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

import pytest

from character_identity import wiring
from tests.support.distribution import FilesLongestFirst, OneReport, modules_first, rank_of
from tests.support.processes import processes
from tests.support.quick_pictures import prepare_pictures_once
from tests.support.quick_urls import read_urls_once
from tests.support.shared_clients import read_models_once

read_models_once()
read_urls_once()
prepare_pictures_once()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> FilesLongestFirst:
    return FilesLongestFirst(config, log)


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        config.pluginmanager.register(OneReport())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: rank_of(item.nodeid))


@pytest.hookimpl(wrapper=True)
def pytest_collection(session: pytest.Session) -> Generator[None, object, object]:
    """Let no module start a process when it is imported, as loading the CDK does. What is loaded stays."""
    gc.disable()
    try:
        with processes(allowed=False):
            for name in modules_first(session.config):
                with suppress(Exception):  # it is said when the module is collected
                    import_module(name)
            return (yield)
    finally:
        gc.enable()


def pytest_collection_finish() -> None:
    """Keep what all modules have loaded from being looked through for garbage over and over."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Give each test services of its own; let only marked ones, with their fixtures, start processes."""
    wiring.services.cache_clear()
    try:
        with processes(allowed=item.get_closest_marker("processes") is not None):
            return (yield)
    finally:
        wiring.services.cache_clear()


@pytest.fixture(scope="session", autouse=True)
def _dummy_aws() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        patch.setenv("AWS_ACCESS_KEY_ID", "000000000000")
        patch.setenv("AWS_SECRET_ACCESS_KEY", "test")
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        patch.setenv("AWS_REGION", "eu-west-1")
        yield


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family != socket.AF_UNIX and not ipaddress.ip_address(address[0]).is_loopback:
            raise AssertionError(f"a test wanted to connect to {address[0]}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session")
def examples() -> int:
    """How many generated neighbours of a case are tried: a sample, or all of them in the nightly run."""
    return int(os.environ.get("EXAMPLES", "200"))
