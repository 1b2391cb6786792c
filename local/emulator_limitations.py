"""What a stack uses that works otherwise on this machine than on AWS: so that a green run is not misread."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

Properties = dict[str, Any]

ALWAYS = (
    "Permissions (IAM) are not enforced, presigned URLs do not expire, "
    "and requests over 6 MB (Lambda) and 10 MB (HTTP API) get through."
)


@dataclass(frozen=True)
class Limitation:
    """A difference, told if a resource of ``resource_type`` is ``concerned``."""

    resource_type: str
    concerned: Callable[[Properties], bool]
    sentence: str


def has(*names: str) -> Callable[[Properties], bool]:
    """Whether a resource has one of these properties."""
    return lambda properties: any(name in properties for name in names)


def says(key: str, value: Any = None) -> Callable[[Properties], bool]:
    """Whether a state machine's definition has a field of this name, with this value if one is given."""
    return lambda properties: any(
        field == key and (value is None or content == value)
        for field, content in _fields(_definition(properties))
    )


MACHINE, STAGE = "AWS::StepFunctions::StateMachine", "AWS::ApiGatewayV2::Stage"
SDK = "arn:aws:states:::aws-sdk"

LIMITATIONS = (
    Limitation(MACHINE, says("ItemBatcher"), "ItemBatcher is ignored: a Map's items are not batched."),
    Limitation(
        MACHINE, says("ResultWriter"), "ResultWriter is ignored: a Map's results go to its state, not to S3."
    ),
    Limitation(
        MACHINE, says("JitterStrategy"), "JitterStrategy is ignored: retries come after the exact time."
    ),
    Limitation(MACHINE, says("Assign"), "Assign is ignored in JSONPath states: variables stay empty."),
    Limitation(MACHINE, says("Resource", f"{SDK}:s3:getObject"), "The task aws-sdk:s3:getObject fails."),
    Limitation(MACHINE, says("Resource", f"{SDK}:s3:putObject"), "The task aws-sdk:s3:putObject fails."),
    Limitation(STAGE, has("DefaultRouteSettings", "RouteSettings"), "The API's request rate is not limited."),
    Limitation(STAGE, has("AccessLogSettings"), "The API writes no access log."),
    Limitation(
        "AWS::ApiGatewayV2::Route",
        lambda properties: True,
        "Events of the HTTP API have no `cookies` and no `domainPrefix`.",
    ),
    Limitation(
        "AWS::DynamoDB::Table",
        has("TimeToLiveSpecification"),
        "Items past their time to live stay in the table.",
    ),
    Limitation("AWS::S3::Bucket", has("LifecycleConfiguration"), "Objects in S3 do not expire."),
    Limitation("AWS::CloudWatch::Alarm", has("Metrics"), "Alarms on expressions of metrics never sound."),
    Limitation("AWS::Lambda::Function", has("VpcConfig"), "Functions are in no VPC."),
    Limitation(
        "AWS::Events::Rule",
        lambda properties: any("DeadLetterConfig" in target for target in properties.get("Targets", [])),
        "Rules of EventBridge have no dead-letter queue.",
    ),
)


def differences(template: dict[str, Any]) -> list[str]:
    """A sentence for each difference that the template runs into, then the one for every stack."""
    resources = template.get("Resources", {}).values()
    found = [
        difference.sentence
        for difference in LIMITATIONS
        if any(
            resource["Type"] == difference.resource_type
            and difference.concerned(resource.get("Properties", {}))
            for resource in resources
        )
    ]
    return [*found, ALWAYS]


def _definition(properties: Properties) -> Any:
    """A state machine's definition, with empty text for whatever CloudFormation would put in."""
    definition = properties.get("DefinitionString", "{}")
    if isinstance(definition, dict):  # {"Fn::Join": ["", [text, {"Ref": ...}, text]]}
        _, parts = definition["Fn::Join"]
        definition = "".join(part if isinstance(part, str) else "" for part in parts)
    return json.loads(definition)


def _fields(document: Any) -> Iterator[tuple[str, Any]]:
    """Every key of every object in a JSON document, with its value."""
    if isinstance(document, dict):
        yield from document.items()
        document = list(document.values())
    if isinstance(document, list):
        for inner in document:
            yield from _fields(inner)
