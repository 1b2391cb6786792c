"""Limitations of the emulator that our stack runs into, so that a green run is not misread."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Properties = dict[str, Any]

ALWAYS = (
    "Permissions (IAM) are not enforced, presigned URLs do not expire, and answers over 6 MB get through."
)


@dataclass(frozen=True)
class Limitation:
    """A difference to AWS, printed if a resource of ``resource_type`` is ``concerned``."""

    resource_type: str
    concerned: Callable[[Properties], bool]
    sentence: str


def has(*names: str) -> Callable[[Properties], bool]:
    """Return the condition that a resource has one of these properties."""
    return lambda properties: any(name in properties for name in names)


STAGE = "AWS::ApiGatewayV2::Stage"

LIMITATIONS = (
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
    Limitation(
        "AWS::StepFunctions::StateMachine",
        lambda properties: "DISTRIBUTED" in json.dumps(properties),
        "Children of a Distributed Map go on when its execution is stopped.",
    ),
    Limitation("AWS::S3::Bucket", has("LifecycleConfiguration"), "Objects in S3 do not expire."),
    Limitation("AWS::CloudWatch::Alarm", has("Metrics"), "Alarms on expressions of metrics never sound."),
    Limitation(
        "AWS::Events::Rule",
        lambda properties: any("DeadLetterConfig" in target for target in properties.get("Targets", [])),
        "Rules of EventBridge have no dead-letter queue.",
    ),
    Limitation(
        "AWS::Lambda::EventSourceMapping",
        has("MaximumBatchingWindowInSeconds"),
        "Queues do not wait for a batch to be full.",
    ),
)


def limitations_of(template: dict[str, Any]) -> list[str]:
    """Return a sentence for each limitation that the template runs into, then the one for every stack."""
    resources = template.get("Resources", {}).values()
    found = [
        limitation.sentence
        for limitation in LIMITATIONS
        if any(
            resource["Type"] == limitation.resource_type
            and limitation.concerned(resource.get("Properties", {}))
            for resource in resources
        )
    ]
    return [*found, ALWAYS]
