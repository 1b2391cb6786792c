"""The rules of cdk-nag, and the findings that we accept, each with its reason.

What the roles may do is pinned right by right in tests/infra, so accepting a wildcard here hides no new one.
"""

from typing import cast

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_dynamodb as dynamodb
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as sfn
from cdk_nag import AwsSolutionsChecks, ServerlessChecks
from constructs import IConstruct

from character_identity.api.routes.table import ROUTES
from infra import catalog
from infra.stack import CharacterIdentity

NEWEST_HERE = "3.13 is the newest Python that the local run has too; it is maintained until 2029."
OPEN_ROUTE = {
    "AwsSolutions::AwsSolutions-APIG4": "What providers post is signed, or goes to a secret address; "
    "the description of the API is public.",
}
"""On the open routes only."""
NO_ROUTE = {
    "AwsSolutions::AwsSolutions-APIG4": "Whatever nothing else answers is refused here, read by nobody."
}
"""On the route of all that has none only."""
REPEATED = {
    f"Serverless::Serverless-{rule}": "The next run does the same."
    for rule in ("LambdaAsyncFailureDestination", "EventBusDLQ")
}
"""On what the clock starts only."""
STARTED_BY_THE_CLOCK = (
    "/Sweep/EventInvokeConfig",
    "/CheckPrices/EventInvokeConfig",
    "/EveryMinute",
    "/EveryDay",
)
MAILED = {
    "Serverless::Serverless-SNSRedrivePolicy": "An alarm that could not be mailed stands in CloudWatch.",
}
"""On the subscription of an address only."""
UNPROTECTED = {
    "AwsSolutions::AwsSolutions-DDB3": "The stage says that nobody will want its data back.",
}
"""On the table of a stage that is not protected only."""
EXECUTIONS = (
    "AwsSolutions::AwsSolutions-IAM5[Resource::arn:<AWS::Partition>:states:<AWS::Region>:<AWS::AccountId>"
    ':execution:{"Fn::Select":[6,{"Fn::Split":[":",{"Ref":"%s"}]}]}:*]'
)
"""The finding, as cdk-nag writes it."""
CHILDREN = EXECUTIONS.replace(":*]", "/*:*]")
ACCEPTED = {
    "AwsSolutions::AwsSolutions-S1": "The API's access log says who asked; nobody else reads the bucket.",
    "AwsSolutions::AwsSolutions-SMG4": "The providers rotate no keys; docs/operations.md says how to.",
    "AwsSolutions::AwsSolutions-SQS3": "It is the dead-letter queue.",
    "AwsSolutions::AwsSolutions-L1": NEWEST_HERE,
    "Serverless::Serverless-LambdaLatestVersion": NEWEST_HERE,
    "Serverless::Serverless-LambdaDLQ": "The caller gets the error; what events start has a destination.",
    "Serverless::Serverless-LambdaEventSourceMappingDestination": "Queues have dead-letter queues instead.",
    "Serverless::Serverless-SQSRedrivePolicy": "It is the dead-letter queue.",
    "AwsSolutions::AwsSolutions-IAM5[Resource::*]": "X-Ray and the delivery of logs know no resources.",
}


def add_rules(app: cdk.App, stack: CharacterIdentity) -> None:
    """Let the synthesis fail on what the AwsSolutions and the Serverless pack find."""
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    bucket = stack.get_logical_id(cast(cdk.CfnElement, stack.storage.bucket.node.default_child))
    prefixes = {
        prefix for entry in catalog.FUNCTIONS for prefix in (*entry.reads, *entry.writes, *entry.deletes)
    }
    wildcards = {f"[Resource::<{bucket}.Arn>/{prefix}*]" for prefix in prefixes}
    whole_prefix = {f"AwsSolutions::AwsSolutions-IAM5{each}": "All keys of one prefix." for each in wildcards}
    _accept(stack, ACCEPTED | whole_prefix)
    open_paths = {route.path for route in ROUTES if route.is_open}
    for construct in stack.node.find_all():
        if isinstance(construct, apigateway.HttpRoute) and construct.path in open_paths:
            _accept(construct, OPEN_ROUTE)
        if construct.node.path.endswith("/Api/NoRoute"):
            _accept(construct, NO_ROUTE)
        if construct.node.path.endswith(STARTED_BY_THE_CLOCK):
            _accept(construct, REPEATED)
        if isinstance(construct, sns.CfnSubscription):
            _accept(construct, MAILED)
        if isinstance(construct, dynamodb.CfnTable) and not construct.deletion_protection_enabled:
            _accept(construct, UNPROTECTED)
        if isinstance(construct, sfn.CfnStateMachine):
            machine = stack.get_logical_id(construct)
            _accept(
                stack, {each % machine: "All executions of one machine." for each in (EXECUTIONS, CHILDREN)}
            )


def _accept(construct: IConstruct, findings: dict[str, str]) -> None:
    cdk.Validations.of(construct).acknowledge(
        *(cdk.Acknowledgment(id=rule, reason=reason) for rule, reason in findings.items())
    )
