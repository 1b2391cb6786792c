"""Handlers as Lambda calls them, with moto behind."""

import json
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from tests.support.handlers import Api
from tests.support.mocked_aws import create_table, mocked_aws

MACHINE = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch) -> Iterator[Api]:
    with mocked_aws():
        create_table()
        bucket = boto3.resource("s3").create_bucket(
            Bucket="media", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        machines = boto3.client("stepfunctions")
        role = "arn:aws:iam::000000000000:role/machine"
        environment = {"TABLE_NAME": "state", "BUCKET_NAME": "media"}
        for name in ("TRAIN_IDENTITY", "GENERATE_IMAGES"):
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
            monkeypatch.setenv(name, value)
        yield Api(bucket)


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
