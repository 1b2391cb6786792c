"""The page that operators read names what the template has, and nothing else."""

import re
import shlex
from pathlib import Path

import botocore.session
import pytest
from botocore import xform_name

from tests.infra.template import Template

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
PREFLIGHT = (ROOT / "scripts" / "preflight.py").read_text()


def names_in_table(heading: str) -> list[str]:
    """Return the names in backquotes of the first column of the table with this heading, sorted."""
    _, _, rest = PAGE.partition(f"| {heading} |")
    rows = rest.partition("\n\n")[0].splitlines()[2:]
    return sorted(name for row in rows for name in re.findall(r"`(\w+)`", row.split("|")[1]))


def test_the_alarms(template: Template) -> None:
    alarms = template.resources("AWS::CloudWatch::Alarm")
    assert names_in_table("alarm") == sorted(
        re.sub(r"^Alarms|[0-9A-F]{8}$", "", logical_id) for logical_id in alarms
    )


def test_the_parameters(template: Template) -> None:
    parameters = template.document["Parameters"].keys() - {"BootstrapVersion"}  # the CDK's own
    assert names_in_table("parameter") == sorted(parameters)


def commands(program: str) -> list[list[str]]:
    """Return the words of each call of a program in the page's blocks of shell, without its name."""
    blocks = "\n".join(re.findall(r"```sh\n(.*?)```", PAGE, flags=re.DOTALL)).replace("\\\n", " ")
    calls = re.findall(rf"(?:^|[\s$(]){program} ((?:\"[^\"]*\"|'[^']*'|[^\n|&;()'\"])*)", blocks)
    return [shlex.split(call) for call in calls]


def test_every_command_of_aws_is_one_with_options_that_it_has() -> None:
    """The command line is made of botocore's models: an operation's members are its options."""
    session = botocore.session.get_session()
    calls = commands("aws")
    assert len(calls) >= 20
    for service, name, *words in calls:
        if service == "s3":  # its commands are the command line's own
            continue
        options = {word.removeprefix("--").replace("-", "_") for word in words if word.startswith("--")}
        model = session.get_service_model(service)
        if name == "wait":
            waiters = session.get_waiter_model(service)
            waited_for = {xform_name(each, "-"): each for each in waiters.waiter_names}[words[0]]
            operation = waiters.get_waiter(waited_for).operation
        else:
            operation = {xform_name(each, "-"): each for each in model.operation_names}[name]
        members = model.operation_model(operation).input_shape.members
        known = {xform_name(each): shape.type_name for each, shape in members.items()}
        for option in options - {"query", "output"}:  # of the command line itself
            is_off = known.get(option.removeprefix("no_")) == "boolean"
            assert option in known or is_off, f"aws {service} {name} has no --{option}"


def test_every_deployment_takes_the_values_of_the_stages_file() -> None:
    """The CDK's command line keeps what a stack has (aws/aws-cdk#7722; its --help of 2.1148.1)."""
    deployments = [words for words in commands("npx") if "deploy" in words]
    assert deployments
    assert all("--no-previous-parameters" in words for words in deployments)
    versions = re.findall(r"aws-cdk@[0-9.]+", PAGE + PREFLIGHT)
    assert len(versions) > 1 and len(set(versions)) == 1
