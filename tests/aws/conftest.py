"""A table of the tests, with nothing in it."""

from collections.abc import Iterator

import pytest

from tests.support.mocked_aws import StateTable, create_table, mocked_aws


@pytest.fixture
def aws() -> Iterator[None]:
    with mocked_aws():
        yield


@pytest.fixture
def table(aws: None) -> StateTable:
    return create_table()
