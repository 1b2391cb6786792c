"""The service as an attacker meets it: real handlers and the real way out, network and AWS in memory."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_address
from typing import Any

import boto3
import pytest

from character_identity import wiring
from character_identity.outbound.addresses import is_public
from tests.support.direct_calls import calls
from tests.support.handlers import Api
from tests.support.http import PUBLIC
from tests.support.mocked_api import mocked_api
from tests.support.mocked_aws import StateTable

PROVIDERS = {"queue.test", "rest.test", "platform.test", "astria.test"}
"""The hosts that the providers of ``mocked_api`` have."""
COUNTS = "REQUESTS#"
"""Begins the keys of what an owner asked in a minute, which each call counts."""
STARTS = "sfn StartExecution"
MANY = "1000000"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "000000000000",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "2048",
}
"""Of whoever runs this without ``tests/conftest.py``."""


class Network:
    """Names and sockets of this process: every name under ``.test`` is public, and no connection is made."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self.asked: set[str] = set()
        self.called: list[str] = []

    def resolve(self, host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        """Stand for ``socket.getaddrinfo``."""
        self.asked.add(host)
        try:
            address = str(ip_address(self.names.get(host, host)))
        except ValueError:
            if not host.endswith((".test", ".xn--zckzah")):
                raise socket.gaierror(host) from None
            address = PUBLIC
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        return [(family, socket.SOCK_STREAM, 0, "", (address, port))]

    def connect(self, address: Any) -> None:
        """Stand for ``socket.socket.connect``, the one place that every connection comes through."""
        self.called.append(address[0])
        raise ConnectionRefusedError(address)


class System:
    """Handlers behind ``api``, and what they did meanwhile."""

    def __init__(self, api: Api, network: Network, patch: pytest.MonkeyPatch) -> None:
        self.api = api
        self.network = network
        self.patch = patch
        self.services = wiring.services()
        self._table = StateTable()
        self._before: Any = None

    @classmethod
    @contextmanager
    def open(cls) -> Iterator["System"]:
        """A system of its own, with a provider's key and nothing stored."""
        network = Network()
        with pytest.MonkeyPatch.context() as patch:
            for name, value in ENVIRONMENT.items():
                patch.setenv(name, value)
            with mocked_api(patch) as api:
                patch.setattr(socket, "getaddrinfo", network.resolve)
                patch.setattr(socket.socket, "connect", lambda _, address: network.connect(address))
                patch.setenv("REQUESTS_PER_MINUTE", MANY)
                patch.setenv("READS_PER_MINUTE", MANY)
                for name in ("FAL", "ASTRIA"):
                    boto3.client("secretsmanager").create_secret(Name=name, SecretString="a key")
                    patch.setenv(f"{name}_SECRET_NAME", name)
                wiring.services.cache_clear()
                yield cls(api, network, patch)

    def remember(self) -> None:
        """From here on nothing may be stored."""
        self._before = self._stored()
        self._rows = self._table.rows()

    def put_back(self) -> None:
        """Have the rows again that were remembered."""
        for row in self._rows:
            self._table.put(**row)

    def check_network(self, name: str) -> None:
        """Hold the connections that an entry led to against the rule."""
        called, self.network.called = self.network.called, []
        private = [address for address in called if not is_public(ip_address(address))]
        assert not private, f"{name}: {private} was called"
        assert not self.network.asked & PROVIDERS, f"{name}: a provider was called"

    def check_nothing_stored(self) -> None:
        """Hold what is stored against what was before."""
        assert self._stored() == self._before

    def _stored(self) -> Any:
        rows = [row for row in self._table.rows() if not row["pk"].startswith(COUNTS)]
        keys = [each.key for each in self.api.bucket.objects.all()]
        return sorted(map(repr, rows)), sorted(keys), calls[STARTS]
