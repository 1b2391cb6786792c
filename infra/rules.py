"""The rules of cdk-nag, and the findings that we accept, each with its reason.

What the roles may do is pinned right by right in tests/infra, so accepting a wildcard here hides no new one.
"""

from typing import cast

import aws_cdk as cdk
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from infra import catalog
from infra.stack import CharacterIdentity

NEWEST_HERE = "3.13 is the newest Python that the local run has too; it is maintained until 2029."
ACCEPTED = {
    "AwsSolutions::AwsSolutions-S1": "The API's access log says who asked; nobody else reads the bucket.",
    "AwsSolutions::AwsSolutions-SMG4": "The providers rotate no keys; docs/operations.md says how to.",
    "AwsSolutions::AwsSolutions-SQS3": "It is the dead-letter queue.",
    "AwsSolutions::AwsSolutions-L1": NEWEST_HERE,
    "Serverless::Serverless-LambdaLatestVersion": NEWEST_HERE,
    "Serverless::Serverless-LambdaDLQ": "The caller gets the error; score_image has a destination.",
    "Serverless::Serverless-SQSRedrivePolicy": "It is the dead-letter queue.",
    "AwsSolutions::AwsSolutions-IAM5[Resource::*]": "X-Ray and the delivery of logs know no resources.",
}


def add_rules(app: cdk.App, stack: CharacterIdentity) -> None:
    """Let the synthesis fail on what the AwsSolutions and the Serverless pack find."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    bucket = stack.get_logical_id(cast(cdk.CfnElement, stack.storage.bucket.node.default_child))
    prefixes = {prefix for entry in catalog.FUNCTIONS for prefix in (*entry.reads, *entry.writes)}
    wildcards = {f"[Resource::<{bucket}.Arn>/{prefix}*]" for prefix in prefixes}
    whole_prefix = {f"AwsSolutions::AwsSolutions-IAM5{each}": "All keys of one prefix." for each in wildcards}
    cdk.Validations.of(stack).acknowledge(
        *(cdk.Acknowledgment(id=rule, reason=reason) for rule, reason in (ACCEPTED | whole_prefix).items())
    )
