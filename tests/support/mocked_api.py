"""The API's handlers, as they are deployed, with moto behind."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest

from tests.support.handlers import Api
from tests.support.mocked_aws import create_table, mocked_aws

MACHINE = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}


@contextmanager
def mocked_api(patch: pytest.MonkeyPatch) -> Iterator[Api]:
    """An account of AWS with what the handlers need, and nothing stored."""
    with mocked_aws():
        create_table()
        bucket = boto3.resource("s3").create_bucket(
            Bucket="media", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        machines = boto3.client("stepfunctions")
        role = "arn:aws:iam::000000000000:role/machine"
        environment = {"TABLE_NAME": "state", "BUCKET_NAME": "media"}
        for name in ("TRAIN_IDENTITY", "GENERATE_IMAGES", "RUN_EVALUATION"):
            machine = machines.create_state_machine(name=name, definition=json.dumps(MACHINE), roleArn=role)
            environment[f"{name}_ARN"] = machine["stateMachineArn"]
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
        yield Api(bucket)
