"""Limitations are named for the stacks that run into them, and only for those."""

from typing import Any

import pytest

from local.emulator_limitations import ALWAYS, LIMITATIONS, STAGE, limitations_of

Template = dict[str, Any]


def with_resource(resource_type: str, **properties: Any) -> Template:
    return {"Resources": {"R": {"Type": resource_type, "Properties": properties}}}


CASES = {
    "request rate": with_resource(STAGE, DefaultRouteSettings={}),
    "access log": with_resource(STAGE, AccessLogSettings={}),
    "`cookies`": with_resource("AWS::ApiGatewayV2::Route"),
    "time to live": with_resource("AWS::DynamoDB::Table", TimeToLiveSpecification={}),
    "Distributed Map": with_resource("AWS::StepFunctions::StateMachine", DefinitionString="DISTRIBUTED"),
    "do not expire": with_resource("AWS::S3::Bucket", LifecycleConfiguration={}),
    "Alarms": with_resource("AWS::CloudWatch::Alarm", Metrics=[]),
    "batch": with_resource("AWS::Lambda::EventSourceMapping", MaximumBatchingWindowInSeconds=1),
    "dead-letter": with_resource("AWS::Events::Rule", Targets=[{"Arn": "a"}, {"DeadLetterConfig": {}}]),
}


@pytest.mark.parametrize(("word", "template"), CASES.items(), ids=CASES)
def test_a_property_that_works_otherwise_is_named(word: str, template: Template) -> None:
    named, always = limitations_of(template)
    assert word in named
    assert always == ALWAYS


def test_there_is_a_case_for_each_limitation() -> None:
    named = {sentence for template in CASES.values() for sentence in limitations_of(template)}
    assert named == {limitation.sentence for limitation in LIMITATIONS} | {ALWAYS}


@pytest.mark.parametrize(
    "template",
    [
        {"Resources": {}},
        with_resource("AWS::S3::Bucket", BucketName="b"),
        with_resource("AWS::CloudWatch::Alarm", MetricName="Errors"),
    ],
)
def test_what_a_stack_does_not_use_is_not_named(template: Template) -> None:
    assert limitations_of(template) == [ALWAYS]


def test_a_sentence_comes_once() -> None:
    resource = with_resource("AWS::ApiGatewayV2::Route")["Resources"]["R"]
    assert len(limitations_of({"Resources": {"A": resource, "B": resource}})) == 2
