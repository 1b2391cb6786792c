"""What must not get lost, and what must not get out."""

from typing import Any

import boto3
import pytest
from moto import mock_aws

from tests.infra.template import Template

pytestmark = pytest.mark.processes

KEPT = (
    "ApiGatewayV2::Api",
    "DynamoDB::Table",
    "S3::Bucket",
    "SNS::Topic",
    "SQS::Queue",
    "SecretsManager::Secret",
    "StepFunctions::StateMachine",
)


@pytest.mark.parametrize("kind", ["AWS::S3::Bucket", "AWS::DynamoDB::Table", "AWS::SecretsManager::Secret"])
def test_data_outlives_the_stack_in_prod_and_goes_with_it_in_dev(
    template: Template, local_template: Template, kind: str
) -> None:
    for built, policy in ((template, "Retain"), (local_template, "Delete")):
        resources = [each for each in built.document["Resources"].values() if each["Type"] == kind]
        assert resources
        assert {each["DeletionPolicy"] for each in resources} == {policy}


def test_what_has_content_or_an_address_keeps_the_id_by_which_cloudformation_knows_it(
    template: Template,
) -> None:
    """Where its construct is renamed or moved, CloudFormation makes another, and deletes or forgets this one:
    a table without rows, an API with another address, machines whose executions end."""
    assert {each for kind in KEPT for each in template.resources(f"AWS::{kind}")} == {
        "StorageMedia9333CB25",
        "StorageStateA15002BE",
        "StorageFalKey38C4E2A7",
        "StorageFalAdminKey25306F4E",
        "StorageAstriaKey04356943",
        "StorageProvenanceKey580B9825",
        "ApiHttp17514DA7",
        "AlarmsTopic3A2DFEBA",
        "WorkflowsTrainIdentity4D2F5682",
        "WorkflowsGenerateImages888B3577",
        "WorkflowsRunEvaluationC33832F4",
        "EventsToScoreA7CF02AC",
        "EventsUnscored21213224",
        "EventsToDeliverFEE3A1A7",
        "EventsUndelivered2E07DD0B",
    }


def test_the_bucket_is_private_encrypted_and_asks_for_tls(template: Template) -> None:
    bucket = template.only("AWS::S3::Bucket")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    (statement,) = template.only("AWS::S3::BucketPolicy")["PolicyDocument"]["Statement"]
    assert (statement["Effect"], statement["Action"]) == ("Deny", "s3:*")
    assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_what_is_needed_for_a_while_only_expires(template: Template) -> None:
    rules = template.only("AWS::S3::Bucket")["LifecycleConfiguration"]["Rules"]
    expiring = {rule["Prefix"]: rule["ExpirationInDays"] for rule in rules if "Prefix" in rule}
    assert expiring == {"uploads/": 1}


def test_the_table_is_on_demand(template: Template) -> None:
    assert template.only("AWS::DynamoDB::Table")["BillingMode"] == "PAY_PER_REQUEST"


def test_a_protected_table_can_be_restored_and_not_be_deleted(
    template: Template, local_template: Template
) -> None:
    for built, is_protected in ((template, True), (local_template, False)):
        table = built.only("AWS::DynamoDB::Table")
        assert table["DeletionProtectionEnabled"] is is_protected
        assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is is_protected


def test_rows_go_when_they_say_so(template: Template) -> None:
    lifetime = template.only("AWS::DynamoDB::Table")["TimeToLiveSpecification"]
    assert lifetime == {"AttributeName": "expires_at", "Enabled": True}


def test_secrets_start_with_a_placeholder_that_the_code_knows(template: Template) -> None:
    from character_identity.aws.secrets import PLACEHOLDER

    secrets = template.resources("AWS::SecretsManager::Secret").values()
    assert [secret["SecretString"] for secret in secrets] == [PLACEHOLDER] * 4


def test_an_owners_identities_can_be_listed_from_the_table(template: Template) -> None:
    """The table as declared, under the repository as written: keys and index fit each other."""
    from character_identity.aws.identity_table import IdentityTable
    from character_identity.aws.table import Table
    from character_identity.domain.page import Window

    declared: dict[str, Any] = {
        key: value
        for key, value in template.only("AWS::DynamoDB::Table").items()
        if key in {"KeySchema", "AttributeDefinitions", "GlobalSecondaryIndexes", "BillingMode"}
    }
    with mock_aws():
        client = boto3.client("dynamodb", region_name="eu-west-1")
        client.create_table(TableName="t", **declared)
        assert IdentityTable(Table(client, "t")).list("somebody", Window()).entries == []


def test_the_bucket_tells_eventbridge(template: Template) -> None:
    notifications = template.only("AWS::S3::Bucket")["NotificationConfiguration"]
    assert notifications == {"EventBridgeConfiguration": {"EventBridgeEnabled": True}}
