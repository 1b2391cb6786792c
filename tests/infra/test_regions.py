"""One template serves every region and partition; stages differ in what their files say, in nothing else."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from infra.parameters import PARAMETERS
from infra.stages import Stage, read_stage
from scripts.compare_templates import differences
from tests.infra.conftest import ACCOUNT, synthesise, template_in
from tests.infra.template import Template

pytestmark = pytest.mark.processes

REGIONS = ("eu-central-1", "me-south-1")  # an old one, and one of those that an account has to enable
PHYSICAL_NAMES = {
    "BucketName",
    "TableName",
    "FunctionName",
    "StateMachineName",
    "QueueName",
    "TopicName",
    "RoleName",
    "PolicyName",
    "LogGroupName",
    "AlarmName",
    "Name",
}


@pytest.fixture(scope="session", params=REGIONS)
def in_region(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Template]:
    """A region, and the template made for it and no other."""
    region: str = request.param
    assembly = synthesise(tmp_path_factory.mktemp(region), "prod", region=region)
    return region, template_in(assembly)


@pytest.fixture(params=["prod", "dev"])
def of_stage(
    request: pytest.FixtureRequest, cloud_assembly: Path, local_assembly: Path
) -> tuple[Stage, Path, Template]:
    """A stage, its assembly and its template."""
    assembly = {"prod": cloud_assembly, "dev": local_assembly}[request.param]
    return read_stage(request.param), assembly, template_in(assembly)


def texts(value: Any) -> Iterator[str]:
    """Every text of a document, keys too."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield key
            yield from texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each)
    elif isinstance(value, str):
        yield value


def test_no_region_partition_or_account_is_written_into_it(of_stage: tuple[Stage, Path, Template]) -> None:
    _, _, template = of_stage
    session = boto3.session.Session()
    known = {
        region
        for partition in session.get_available_partitions()
        for region in session.get_available_regions("s3", partition_name=partition)
    }
    found = [
        text
        for text in texts(template.document)
        if re.search("|".join(known), text)
        or re.search(r"\barn:aws[\w-]*:", text)
        or re.search(r"\b\d{12}\b(?!-)", text)
    ]
    assert found == []


def test_hosts_of_aws_are_named_by_suffix_and_services_by_their_name(
    of_stage: tuple[Stage, Path, Template],
) -> None:
    """``amazonaws.com`` is not everywhere the suffix of hosts, but everywhere that of service principals."""
    _, _, template = of_stage
    hosts = {text for text in texts(template.document) if "amazonaws.com" in text}
    assert {host.split(".", 1)[1] for host in hosts} == {"amazonaws.com"}, hosts


def test_made_for_a_region_it_differs_in_the_regions_name_only(
    in_region: tuple[str, Template], template: Template
) -> None:
    region, made_for_it = in_region
    assert differences(_in_words(template.document), _in_words(made_for_it.document, region)) == []


def test_parameters_are_declared_as_listed(of_stage: tuple[Stage, Path, Template]) -> None:
    stage, _, template = of_stage
    declared = {
        name: each for name, each in template.document["Parameters"].items() if "Bootstrap" not in name
    }
    assert declared.keys() == {parameter.name for parameter in PARAMETERS}
    for parameter in PARAMETERS:
        found = declared[parameter.name]
        assert found["AllowedPattern"] == f"^({parameter.pattern})$"
        assert found.get("MaxLength") == (None if parameter.is_list else parameter.longest)
        assert found["ConstraintDescription"] == f"must be {parameter.must_be}"
        assert found.get("Default") == stage.default_of(parameter)
        assert found["Type"] == ("CommaDelimitedList" if parameter.is_list else "String")


def test_the_stack_is_called_and_protected_as_its_stage_says(of_stage: tuple[Stage, Path, Template]) -> None:
    stage, assembly, _ = of_stage
    artifact = json.loads((assembly / "manifest.json").read_text())["artifacts"]["CharacterIdentity"]
    assert artifact["properties"]["stackName"] == stage.stack_name
    assert artifact["properties"].get("terminationProtection", False) is stage.protected


def test_names_are_left_to_cloudformation_which_begins_them_with_the_stacks(
    of_stage: tuple[Stage, Path, Template],
) -> None:
    _, _, template = of_stage
    for logical_id, resource in template.document["Resources"].items():
        properties = resource.get("Properties", {})
        chosen = {key for key in PHYSICAL_NAMES & properties.keys() if _is_chosen(properties[key])}
        allowed = {"PolicyName"} if resource["Type"] == "AWS::IAM::Policy" else set()  # within its role
        allowed |= {"Name"} if resource["Type"].startswith("AWS::ApiGatewayV2::") else set()  # no name at all
        assert chosen <= allowed, logical_id


def _is_chosen(name: Any) -> bool:
    """Return True of a name that two stages could share."""
    return isinstance(name, str) or (
        "Fn::Join" in name and {"Ref": "AWS::StackName"} not in name["Fn::Join"][1]
    )


def test_throttle_is_that_of_the_stage(of_stage: tuple[Stage, Path, Template]) -> None:
    stage, _, template = of_stage
    settings = template.only("AWS::ApiGatewayV2::Stage")["DefaultRouteSettings"]
    assert settings["ThrottlingRateLimit"] == stage.throttle.requests_per_second
    assert settings["ThrottlingBurstLimit"] == stage.throttle.burst


def test_stages_differ_in_what_their_files_say(template: Template, local_template: Template) -> None:
    """Everything else that runs in prod has run in dev, and on one machine."""
    lines = [
        line
        for line in differences(template.document, local_template.document)
        if not line.startswith("@@")
        and not re.search(
            r'"(Default|DeletionPolicy|UpdateReplacePolicy|RetentionInDays|DeletionProtectionEnabled|'
            r'PointInTimeRecoveryEnabled|Throttling\w+Limit)"',
            line,
        )
    ]
    assert lines == []


def _in_words(document: dict[str, Any], region: str = "REGION") -> dict[str, Any]:
    """Return a template with ``ACCOUNT`` and ``REGION`` wherever these are referred to, or written out."""
    text = json.dumps(document).replace(ACCOUNT, "ACCOUNT").replace(region, "REGION")
    for reference, name in (("AWS::AccountId", "ACCOUNT"), ("AWS::Region", "REGION")):
        text = text.replace(json.dumps({"Ref": reference}), json.dumps(name))
        text = text.replace(f"${{{reference}}}", name)
    whole: dict[str, Any] = _joined(json.loads(text))
    return whole


def _joined(value: Any) -> Any:
    """Put neighbouring texts of a join together, as the CDK does where it knows them."""
    if isinstance(value, list):
        return [_joined(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {"Fn::Join"} and value["Fn::Join"][0] == "":
        parts: list[Any] = []
        for part in map(_joined, value["Fn::Join"][1]):
            if parts and isinstance(part, str) and isinstance(parts[-1], str):
                parts[-1] += part
            else:
                parts.append(part)
        return parts[0] if len(parts) == 1 else {"Fn::Join": ["", parts]}
    if value.keys() == {"Fn::Sub"} and "${" not in value["Fn::Sub"]:
        return value["Fn::Sub"]
    return {key: _joined(each) for key, each in value.items()}
