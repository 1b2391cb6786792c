"""One emulator for all tests of a session."""

from collections.abc import Iterator

import pytest

from tests.local.machines import SCRIPTED_TASKS
from tests.support.emulator import EmulatedAws, running_emulator

WAIT_SCALE = 0.05


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedAws]:
    with running_emulator(WAIT_SCALE, tmp_path_factory.mktemp("logs")) as aws:
        yield aws


@pytest.fixture(scope="session")
def scripted_tasks(aws: EmulatedAws) -> str:
    return aws.function("scripted", SCRIPTED_TASKS)
