"""The service modules, configured to speak to scripted proxies."""

from collections.abc import Iterator

import pytest

from character_identity_client import configure
from tests.client.proxies import Proxies


@pytest.fixture
def proxies() -> Iterator[Proxies]:
    """Scripted proxies, configured for all three providers."""
    proxies = Proxies()
    with proxies.session() as session:
        configure(session)
        yield proxies
    configure(None)
