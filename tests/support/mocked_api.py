"""The API's handlers, as they are deployed, with moto behind."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.handlers import Api
from tests.support.mocked_aws import create_bucket, create_state_machine, create_table, mocked_aws


@contextmanager
def mocked_api(patch: pytest.MonkeyPatch) -> Iterator[Api]:
    """An account of AWS with what the handlers need, and nothing stored."""
    with mocked_aws():
        create_table()
        environment = {"TABLE_NAME": "state", "BUCKET_NAME": "media"}
        for name in ("TRAIN_IDENTITY", "GENERATE_IMAGES", "RUN_EVALUATION"):
            environment[f"{name}_ARN"] = create_state_machine(name)
        environment |= {
            "FAL_QUEUE_URL": "https://queue.test",
            "FAL_REST_URL": "https://rest.test",
            "FAL_PLATFORM_URL": "https://platform.test",
            "ASTRIA_API_URL": "https://astria.test",
            "MONTHLY_BUDGET_USD": "100",
            "OPERATOR_BUDGET_USD": "1000000",
            "REQUESTS_PER_MINUTE": "60",
            "READS_PER_MINUTE": "600",
        }
        for name, value in environment.items():
            patch.setenv(name, value)
        yield Api(create_bucket())
