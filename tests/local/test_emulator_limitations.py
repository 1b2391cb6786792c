"""What works otherwise on this machine is told for the stacks that use it, and only for those."""

import json
from typing import Any

import pytest

from local.emulator_limitations import ALWAYS, LIMITATIONS, MACHINE, SDK, STAGE, differences

Template = dict[str, Any]


def with_resource(resource_type: str, **properties: Any) -> Template:
    return {"Resources": {"R": {"Type": resource_type, "Properties": properties}}}


def with_state(**fields: Any) -> Template:
    inner = {"StartAt": "S", "States": {"S": {"Type": "Map", **fields}}}
    outer = {"StartAt": "P", "States": {"P": {"Type": "Parallel", "Branches": [inner]}}}
    return with_resource(MACHINE, DefinitionString=json.dumps(outer))


CASES = {
    "ItemBatcher": with_state(ItemBatcher={}),
    "ResultWriter": with_state(ResultWriter={}),
    "JitterStrategy": with_state(Retry=[{"JitterStrategy": "FULL"}]),
    "Assign": with_state(Assign={}),
    "aws-sdk:s3:getObject": with_state(Resource=f"{SDK}:s3:getObject"),
    "aws-sdk:s3:putObject": with_state(Resource=f"{SDK}:s3:putObject"),
    "request rate": with_resource(STAGE, DefaultRouteSettings={}),
    "access log": with_resource(STAGE, AccessLogSettings={}),
    "`cookies`": with_resource("AWS::ApiGatewayV2::Route"),
    "time to live": with_resource("AWS::DynamoDB::Table", TimeToLiveSpecification={}),
    "do not expire": with_resource("AWS::S3::Bucket", LifecycleConfiguration={}),
    "Alarms": with_resource("AWS::CloudWatch::Alarm", Metrics=[]),
    "VPC": with_resource("AWS::Lambda::Function", VpcConfig={}),
    "dead-letter": with_resource("AWS::Events::Rule", Targets=[{"Arn": "a"}, {"DeadLetterConfig": {}}]),
}


@pytest.mark.parametrize(("word", "template"), CASES.items(), ids=CASES)
def test_a_property_that_works_otherwise_is_told(word: str, template: Template) -> None:
    told, always = differences(template)
    assert word in told
    assert always == ALWAYS


def test_there_is_a_case_for_each_difference() -> None:
    told = {sentence for template in CASES.values() for sentence in differences(template)}
    assert told == {difference.sentence for difference in LIMITATIONS} | {ALWAYS}


@pytest.mark.parametrize(
    "template",
    [
        {"Resources": {}},
        with_state(Resource="arn:aws:states:::lambda:invoke", Comment="no ItemBatcher here"),
        with_resource("AWS::S3::Bucket", BucketName="b"),
        with_resource("AWS::CloudWatch::Alarm", MetricName="Errors"),
    ],
)
def test_what_a_stack_does_not_use_is_not_told(template: Template) -> None:
    assert differences(template) == [ALWAYS]


def test_a_definition_joined_by_cloudformation_is_read(word: str = "ResultWriter") -> None:
    parts = ['{"States": {"S": {"Resource": "', {"Ref": "F"}, '", "ResultWriter": {}}}}']
    assert word in differences(with_resource(MACHINE, DefinitionString={"Fn::Join": ["", parts]}))[0]


def test_a_sentence_is_told_once() -> None:
    resource = with_resource("AWS::ApiGatewayV2::Route")["Resources"]["R"]
    assert len(differences({"Resources": {"A": resource, "B": resource}})) == 2
