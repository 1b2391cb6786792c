"""A table in moto."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.mocked_aws import create_table, mocked_aws


@pytest.fixture
def aws() -> Iterator[None]:
    with mocked_aws():
        yield


@pytest.fixture
def table(aws: None) -> Any:
    return create_table()
