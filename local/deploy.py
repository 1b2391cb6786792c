"""Deploys what ``cdk synth`` wrote, unmodified, to the emulator: uploads the assets, creates the stack."""

import io
import json
import time
import zipfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from local.errors import CannotRun
from local.settings import REGION
from scripts.atomic import write_file

ACCOUNT = "000000000000"
POLL_S = 0.02
LIMIT_S = 120


@dataclass(frozen=True)
class Assembly:
    """A cloud assembly with one stack: the folder that ``cdk synth`` wrote.

    ``artifact`` is what its files call the stack, ``stack`` what it is called where it is deployed.
    """

    folder: Path
    artifact: str
    stack: str

    @classmethod
    def read(cls, folder: Path) -> "Assembly":
        """The assembly in a folder."""
        artifacts = json.loads((folder / "manifest.json").read_text())["artifacts"]
        ((artifact, description),) = (
            (name, each) for name, each in artifacts.items() if each["type"] == "aws:cloudformation:stack"
        )
        return cls(folder, artifact, description.get("properties", {}).get("stackName", artifact))

    @property
    def template_text(self) -> str:
        return (self.folder / f"{self.artifact}.template.json").read_text()

    @property
    def template(self) -> dict[str, Any]:
        template: dict[str, Any] = json.loads(self.template_text)
        return template

    @property
    def assets(self) -> dict[str, Any]:
        assets: dict[str, Any] = json.loads((self.folder / f"{self.artifact}.assets.json").read_text())
        return assets


@dataclass(frozen=True)
class Endpoint:
    """Where the emulator is, and the key that it takes requests by."""

    url: str
    access_key: str
    secret_key: str


def client(service: str, endpoint: Endpoint) -> Any:
    """A boto3 client of a service of the emulator."""
    return boto3.client(
        service,
        endpoint_url=endpoint.url,
        region_name=REGION,
        aws_access_key_id=endpoint.access_key,
        aws_secret_access_key=endpoint.secret_key,
        config=Config(retries={"max_attempts": 0}, read_timeout=LIMIT_S),
    )


def deploy(
    assembly: Assembly, endpoint: Endpoint, parameters: Mapping[str, str], archives: Path
) -> dict[str, str]:
    """Create the stack and return its outputs.

    Of ``parameters`` those count that the template declares. ``archives`` keeps zipped assets.

    Raises:
        CannotRun: a resource could not be created.
    """
    template_url = _upload(assembly, endpoint, archives)
    declared = assembly.template.get("Parameters", {})
    _mark_as_bootstrapped(declared, endpoint)
    cloudformation = client("cloudformation", endpoint)
    given = {name: value for name, value in parameters.items() if name in declared}
    try:
        cloudformation.create_stack(
            StackName=assembly.stack,
            TemplateURL=template_url,
            Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in given.items()],
            Capabilities=["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        )
    except ClientError as refusal:
        raise CannotRun(f"The stack was refused: {refusal}") from refusal
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        (stack,) = cloudformation.describe_stacks(StackName=assembly.stack)["Stacks"]
        if stack["StackStatus"] == "CREATE_COMPLETE":
            return {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", [])}
        if not stack["StackStatus"].endswith("_IN_PROGRESS") or "ROLLBACK" in stack["StackStatus"]:
            raise CannotRun(_first_failure(cloudformation, assembly.stack))
        time.sleep(POLL_S)
    raise CannotRun(f"The stack was not complete after {LIMIT_S} s.")


def set_secrets(endpoint: Endpoint, values: Mapping[str, str]) -> None:
    """Give secrets, by name, their values."""
    secrets = client("secretsmanager", endpoint)
    for name, value in values.items():
        secrets.put_secret_value(SecretId=name, SecretString=value)


def _mark_as_bootstrapped(declared: Mapping[str, Any], endpoint: Endpoint) -> None:
    """Give the parameter by which a CDK template asks for a bootstrapped account what it wants to see."""
    if "BootstrapVersion" in declared:
        name = declared["BootstrapVersion"]["Default"]
        client("ssm", endpoint).put_parameter(Name=name, Value="99", Type="String")


def _upload(assembly: Assembly, endpoint: Endpoint, archives: Path) -> str:
    """Put assets and template where the template expects them; the template's URL."""
    s3 = client("s3", endpoint)
    template_url = ""
    for asset in assembly.assets["files"].values():
        source = assembly.folder / asset["source"]["path"]
        zipped = asset["source"]["packaging"] == "zip"
        body = _archive(source, archives) if zipped else source.read_bytes()
        for destination in asset["destinations"].values():
            bucket = _in_this_account(destination["bucketName"])
            key = _in_this_account(destination["objectKey"])
            with suppress(s3.exceptions.BucketAlreadyOwnedByYou):
                s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
            s3.put_object(Bucket=bucket, Key=key, Body=body)
            if source.name == f"{assembly.artifact}.template.json":
                template_url = f"{endpoint.url}/{bucket}/{key}"
    return template_url


def _archive(folder: Path, archives: Path) -> bytes:
    """The folder as a zip file. An asset's folder is named by its hash: a file of that name is up to date."""
    archive = archives / f"{folder.name}.zip"
    if not archive.exists():
        content = io.BytesIO()
        with zipfile.ZipFile(content, "w") as zipped:
            for path in sorted(folder.rglob("*")):
                if path.is_file():
                    # A fixed time, so that equal assets are equal archives.
                    entry = zipfile.ZipInfo(str(path.relative_to(folder)))
                    entry.external_attr = path.stat().st_mode << 16
                    zipped.writestr(entry, path.read_bytes())
        write_file(archive, content.getvalue())
    return archive.read_bytes()


def _in_this_account(text: str) -> str:
    return text.replace("${AWS::AccountId}", ACCOUNT).replace("${AWS::Region}", REGION)


def _first_failure(cloudformation: Any, stack: str) -> str:
    pages = cloudformation.get_paginator("describe_stack_events").paginate(StackName=stack)
    events = [event for page in pages for event in page["StackEvents"]]  # the last first
    for event in reversed(events):
        if event["ResourceStatus"] == "CREATE_FAILED":
            resource = f"{event['LogicalResourceId']} ({event['ResourceType']})"
            return f"{resource} could not be created: {event['ResourceStatusReason']}"
    return f"The stack {stack} could not be created."
