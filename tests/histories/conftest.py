"""What thousands of histories go without: logs that nobody reads, and looks at the same picture again."""

import logging
from collections.abc import Iterator

import pytest

from tests.support.in_process.patches import inspected


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    logging.disable()
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(autouse=True)
def _each_picture_looked_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("character_identity.images.decoding.inspect", inspected)
