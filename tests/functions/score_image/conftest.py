from pathlib import Path

import pytest

from scripts.weights.build import build
from tests.scripts.weights import tiny_tower


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an exported encoder of random weights: it says nothing, but always the same."""
    folder = tmp_path_factory.mktemp("build")
    return build(tiny_tower.tiny_encoder(tiny_tower.published_tower(folder)), folder)
