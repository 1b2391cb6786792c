"""Handlers as Lambda calls them, with moto behind."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.handlers import Api
from tests.support.mocked_api import mocked_api


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with mocked_api(monkeypatch) as api:
        yield api


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an exported encoder of random weights: it says nothing, but always the same."""
    from scripts.weights.build import build  # numpy and the export take half a second
    from tests.scripts.weights import tiny_tower

    folder = tmp_path_factory.mktemp("build")
    return build(tiny_tower.tiny_encoder(tiny_tower.published_tower(folder)), folder)


@pytest.fixture
def shipped_encoder(tiny_encoder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The image ships the tiny encoder."""
    from functions.score_image import encoder

    monkeypatch.setattr(encoder, "WEIGHTS", tiny_encoder)
    encoder.shipped_encoder.cache_clear()
    yield
    encoder.shipped_encoder.cache_clear()
