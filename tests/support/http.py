"""Our own way out, with answers from a test in the place of the network."""

from collections.abc import Callable

import httpx

from character_identity.outbound.client import open_client
from character_identity.outbound.guard import UrlGuard

PUBLIC = "93.184.216.34"
EVERYWHERE = UrlGuard(resolve=lambda host, port, timeout_s: [PUBLIC])
"""A web in which every host is known and public."""


HERE = UrlGuard(allow_loopback=True, resolve=lambda host, port, timeout_s: ["127.0.0.1"])
"""A web in which every host is this machine."""


def scripted_client(
    handler: Callable[[httpx.Request], httpx.Response], guard: UrlGuard = EVERYWHERE
) -> httpx.Client:
    """A client for providers and key sets, whose calls the test answers."""
    return open_client(guard, 30, transport=httpx.MockTransport(handler))
