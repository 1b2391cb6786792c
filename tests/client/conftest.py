"""The service modules, configured to speak to scripted proxies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from character_identity_client import configure
from tests.client.proxies import Proxies


@pytest.fixture(autouse=True)
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where commands note what they order, but for the user's own folder."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state" / "character-identity" / "orders"


@pytest.fixture
def proxies() -> Iterator[Proxies]:
    """Scripted proxies, configured for all three providers."""
    proxies = Proxies()
    with proxies.session() as session:
        configure(session)
        yield proxies
    configure(None)
