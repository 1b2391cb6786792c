"""Says what an account lacks before a stage is deployed to it: one line each, and what to do.

Asks only, and changes nothing. Credentials and region are those that boto3 finds. The exit status is 1 if
something is lacking; what shows only after the first deployment is said to come later, and lacks nothing yet.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from character_identity.auth.jwks import MAX_BYTES, UNREADABLE, usable_keys
from character_identity.aws.secrets import PLACEHOLDER
from character_identity.domain.clock import utc_now
from character_identity.domain.errors import CannotSign
from character_identity.provenance.credentials import Credentials
from infra.catalog import FUNCTIONS
from infra.parameters import PARAMETERS
from infra.stages import InvalidStage, Stage, read_stage
from scripts.weights.encoders import CLIP_VIT_B32, ENCODERS
from scripts.weights.sources import WebFile

TIMEOUT_S = 10
"""Of each question."""
BOOTSTRAP_PARAMETER = "/cdk-bootstrap/hnb659fds/version"
BOOTSTRAP_VERSION = 8
"""Of the least that the image asset asks for, in ``manifest.json``."""
SERVICES = (
    "apigatewayv2",
    "cloudformation",
    "cloudwatch",
    "dynamodb",
    "ecr",
    "events",
    "lambda",
    "logs",
    "s3",
    "secretsmanager",
    "sns",
    "sqs",
    "ssm",
    "stepfunctions",
    "xray",
)
FOR_REQUESTS = 50
"""Functions that run at once for requests, tasks and callbacks, beside those that queues feed."""
RENEWED_BEFORE = timedelta(days=30)
"""The certificates that pictures are signed with end."""
LEFT_UNRESERVED = 100
"""Of an account's concurrency; https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html,
read 2026-11-28."""
DENIED = {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError"}
UNKNOWN_HERE = {
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "AuthFailure",
    "InvalidSignatureException",
}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
NO_ANSWER = (ConnectTimeoutError, EndpointConnectionError, ReadTimeoutError)
NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError)

OK, LACKING, LATER = "ok", "lacking", "later"
Command = Callable[[list[str]], int]
Fetch = Callable[[str], None]
Read = Callable[[str], Any]


class Lacking(Exception):
    """Something is not there; the message says what, and what to do."""


class Later(Exception):
    """It shows only later, as once the stack is there."""


def run(command: list[str]) -> int:
    """Return the exit status of a command, whose output is nobody's business."""
    return subprocess.run(command, capture_output=True, check=False, timeout=TIMEOUT_S).returncode


def fetch_head(url: str) -> None:
    """Ask for a file without its content; a failure is an OSError."""
    with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=TIMEOUT_S):
        pass


def read_document(url: str) -> Any:
    """Return the JSON at an address, by a proxy of this machine if it has one; the authorizer needs none.

    Raises:
        OSError: it cannot be reached.
        ValueError: it is no JSON, or another address has it, which the authorizer does not follow.
    """
    asked_as_there = {"User-Agent": "character-identity", "Accept": "application/json"}
    request = urllib.request.Request(url, headers=asked_as_there)
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
        if answer.geturl() != url:
            raise ValueError(f"{url} redirects to {answer.geturl()}, which is not followed.")
        return json.loads(answer.read(MAX_BYTES))


@dataclass
class Preflight:
    """What is asked, and of whom. Each check returns what it found, or raises what is lacking."""

    name: str
    stage: Stage
    session: Any
    run: Command = run
    fetch_head: Fetch = fetch_head
    read_document: Read = read_document
    find_command: Callable[[str], str | None] = shutil.which
    now: Callable[[], datetime] = utc_now

    def findings(self) -> list[tuple[str, str, str]]:
        """Return (``ok``, ``lacking`` or ``later``; a sentence about it; what) for each check, in order."""
        checks: dict[str, Callable[[], str]] = {
            "credentials": self.credentials,
            "region": self.region,
            "bootstrap": self.bootstrap,
            "concurrency": self.concurrency,
            "API throttle": self.api_throttle,
            "parameters": self.parameters,
            "token keys": self.token_keys,
            "Docker": self.docker,
            "weights": self.weights,
            "provider keys": self.provider_keys,
            "signing key": self.signing_key,
            "alarms": self.alarms,
        }
        return [(*_outcome(check), what) for what, check in checks.items()]

    # each of these returns a sentence about what is there

    def credentials(self) -> str:
        if not self.session.region_name:
            raise NoRegionError
        caller = self._client("sts").get_caller_identity()
        return f"account {caller['Account']}, region {self.session.region_name}"

    def region(self) -> str:
        region = self.session.region_name
        if not region:
            raise NoRegionError
        partition = self.session.get_partition_for_region(region)
        missing = [
            service
            for service in SERVICES
            if region not in self.session.get_available_regions(service, partition_name=partition)
        ]
        if missing:
            raise Lacking(f"{region} has no {', '.join(missing)}: choose another region with AWS_REGION")
        client = self._client("apigatewayv2")
        try:
            client.get_apis(MaxResults="1")
        except client.exceptions.BadRequestException:
            # API Gateway is there, as everywhere, but in some regions only with its older APIs:
            # https://github.com/gruntwork-io/cloud-nuke/issues/493, read 2026-11-29.
            raise Lacking(f"{region} has no HTTP APIs: choose another region with AWS_REGION") from None
        return f"{region} has all {len(SERVICES)} services that the stack uses"

    def bootstrap(self) -> str:
        client = self._client("ssm")
        try:
            version = int(client.get_parameter(Name=BOOTSTRAP_PARAMETER)["Parameter"]["Value"])
        except client.exceptions.ParameterNotFound:
            raise Lacking(
                f"this region of the account is not bootstrapped for the CDK: {self._bootstrapping()}"
            ) from None
        if version < BOOTSTRAP_VERSION:
            raise Lacking(
                f"version {version}, but {BOOTSTRAP_VERSION} is needed: {self._bootstrapping()} once more"
            )
        return f"version {version}"

    def _bootstrapping(self) -> str:
        """Return what to do: in an empty folder the command line of the CDK asks for account and region."""
        account = self._client("sts").get_caller_identity()["Account"]
        environment = f"aws://{account}/{self.session.region_name}"
        return f"run `npx aws-cdk@2.1148.1 bootstrap {environment}` from an empty folder"

    def concurrency(self) -> str:
        limits = self._client("lambda").get_account_settings()["AccountLimit"]
        free = limits["UnreservedConcurrentExecutions"]
        reserved = sum(int(self._value("FetchConcurrency")) for entry in FUNCTIONS if entry.fetches)
        if reserved and limits["ConcurrentExecutions"] - reserved < LEFT_UNRESERVED:
            raise Lacking(
                f"FetchConcurrency reserves {reserved} of the {limits['ConcurrentExecutions']} functions "
                f"that may run at once, and AWS wants {LEFT_UNRESERVED} left: raise the quota 'Concurrent "
                "executions' of Lambda (L-B99A9384) in Service Quotas, or lower FetchConcurrency"
            )
        needed = FOR_REQUESTS + sum(
            int(self._value(entry.queue.concurrency)) for entry in FUNCTIONS if entry.queue is not None
        )
        if free < needed:
            raise Lacking(
                f"{free} functions may run at once, but {needed} are needed: raise the quota 'Concurrent "
                "executions' of Lambda (L-B99A9384) in Service Quotas, or lower ScorerConcurrency and "
                "DeliveryConcurrency"
            )
        return f"{free} functions may run at once, {needed} are needed"

    def api_throttle(self) -> str:
        client = self._client("service-quotas")
        quota = {"ServiceCode": "apigateway", "QuotaCode": "L-8A5B8E43"}
        try:
            found = client.get_service_quota(**quota)
        except client.exceptions.NoSuchResourceException:  # nobody ever changed it
            found = client.get_aws_default_service_quota(**quota)
        rate, needed = int(found["Quota"]["Value"]), self.stage.throttle.requests_per_second
        if rate < needed:
            raise Lacking(
                f"{rate} requests per second over all APIs, but the stage lets {needed} through: raise the "
                "quota 'Throttle rate' of API Gateway (L-8A5B8E43) in Service Quotas"
            )
        return f"{rate} requests per second over all APIs, the stage lets {needed} through"

    def parameters(self) -> str:
        missing = [each.name for each in PARAMETERS if self.stage.default_of(each) is None]
        if missing:
            raise Lacking(
                f"{' and '.join(missing)} have no value: put them into stages/{self.name}.json, or give them "
                "with each deployment as --parameters NAME=VALUE"
            )
        return "all have a value"

    def token_keys(self) -> str:
        url = self._value("JwksUrl")
        if not url:
            raise Later("these are read from JwksUrl: ask again once it has a value in the stage's file")
        try:
            keys = usable_keys(self.read_document(url))
        except UNREADABLE as problem:
            raise Lacking(
                f"{url} has no keys ({_line(problem)}), and without one no token is good: correct JwksUrl, "
                "or have the issuer sign with ES256 or RS256 (at Supabase: JWT signing keys, not the legacy "
                "secret)"
            ) from problem
        return f"{url} has {len(keys)} for ES256 or RS256"

    def docker(self) -> str:
        if not self.find_command("docker"):
            raise Lacking("there is no `docker`, which builds the scoring image: install it")
        try:
            status = self.run(["docker", "info"])
        except subprocess.TimeoutExpired:
            raise Lacking(f"`docker info` took more than {TIMEOUT_S} s: is the engine well?") from None
        if status:
            raise Lacking("`docker info` fails: start the engine, and let this user use it")
        return "the engine answers"

    def weights(self) -> str:
        wanted = [
            (name, source)
            for name in (CLIP_VIT_B32.name, self.stage.face_encoder)
            if name in ENCODERS  # "none" is not
            for source in ENCODERS[name].sources
            if isinstance(source, WebFile)
        ]
        for name, source in wanted:
            try:
                self.fetch_head(source.url)
            except OSError as problem:
                reason = getattr(problem, "reason", problem)
                raise Lacking(
                    f"{source.url} cannot be reached ({reason}), from which the build of the image takes "
                    f"{name}: deploy from where it can"
                ) from problem
        fetched = " and ".join(source.file_name for _, source in wanted)
        return f"{fetched} can be fetched"

    def provider_keys(self) -> str:
        client, empty = self._client("secretsmanager"), []
        for provider, output in (("fal", "FalKeySecretName"), ("Astria", "AstriaKeySecretName")):
            secret = client.get_secret_value(SecretId=self._output(output))
            if secret.get("SecretString", "").strip() in ("", PLACEHOLDER):
                empty.append(provider)
        if empty:
            raise Lacking(
                f"none of {' and '.join(empty)}, so orders there fail with provider_not_configured: put one "
                "in (docs/operations.md, 'Put the provider keys in')"
            )
        return "fal and Astria have one"

    def signing_key(self) -> str:
        where = "(docs/operations.md, 'Sign pictures')"
        secret = self._client("secretsmanager").get_secret_value(
            SecretId=self._output("ProvenanceKeySecretName")
        )
        pem = secret.get("SecretString", "").strip()
        if pem in ("", PLACEHOLDER):
            raise Lacking(f"there is none, so pictures are marked but not signed: put one in {where}")
        now = self.now()
        try:
            credentials = Credentials.read(pem)
            credentials.check(now)
        except CannotSign as problem:
            raise Lacking(f"{problem} Pictures are not signed until another is put in {where}") from problem
        if credentials.valid_until < now + RENEWED_BEFORE:
            raise Lacking(
                f"its certificates end on {credentials.valid_until:%Y-%m-%d}: put new ones in {where}"
            )
        return f"its certificates end on {credentials.valid_until:%Y-%m-%d}"

    def alarms(self) -> str:
        pages = self._client("sns").get_paginator("list_subscriptions_by_topic")
        found = [
            each
            for page in pages.paginate(TopicArn=self._output("AlarmTopicArn"))
            for each in page["Subscriptions"]
        ]
        waiting = [each["Endpoint"] for each in found if not each["SubscriptionArn"].startswith("arn:")]
        if len(found) == len(waiting):
            what = f"{', '.join(waiting)} has not followed the link" if waiting else "nobody has subscribed"
            do = (
                "follow the link that AWS sent there"
                if waiting
                else "set AlarmEmail, or subscribe to the topic"
            )
            raise Lacking(f"{what}, so nobody is told: {do}")
        return f"{len(found) - len(waiting)} of {len(found)} subscriptions are confirmed"

    def _value(self, name: str) -> str:
        (parameter,) = (each for each in PARAMETERS if each.name == name)
        return self.stage.default_of(parameter) or ""

    def _client(self, service: str) -> Any:
        options = Config(connect_timeout=TIMEOUT_S, read_timeout=TIMEOUT_S, retries={"total_max_attempts": 1})
        return self.session.client(service, config=options)

    def _output(self, name: str) -> str:
        if name not in self._outputs:
            raise Later(f"the stack {self.stage.stack_name} has no output {name} yet: ask again once it has")
        return self._outputs[name]

    @cached_property
    def _outputs(self) -> dict[str, str]:
        """The outputs of the stack; none, as long as it is not there."""
        try:
            (stack,) = self._client("cloudformation").describe_stacks(StackName=self.stage.stack_name)[
                "Stacks"
            ]
        except ClientError as refusal:
            if "does not exist" in str(refusal):
                return {}
            raise
        return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def _outcome(check: Callable[[], str]) -> tuple[str, str]:
    """Carry out a check; whatever comes of it is a sentence."""
    try:
        return OK, check()
    except Later as later:
        return LATER, str(later)
    except Lacking as lacking:
        return LACKING, str(lacking)
    except NO_CREDENTIALS:
        return LACKING, "there are no credentials: run `aws sso login` or set AWS_PROFILE"
    except NoRegionError:
        return LACKING, "there is no region: set AWS_REGION"
    except NO_ANSWER as problem:
        return LACKING, f"no answer within {TIMEOUT_S} s: check network and region ({_line(problem)})"
    except ClientError as refusal:
        return LACKING, _refused(refusal)
    except BotoCoreError as problem:  # of a profile that is not there, a token that cannot be renewed, ...
        return LACKING, f"AWS could not be asked: {_line(problem)}"


def _refused(refusal: ClientError) -> str:
    code, call = refusal.response["Error"]["Code"], refusal.operation_name
    if code in DENIED:
        return f"{call} is denied to these credentials: allow it, or ask somebody who may"
    if code in EXPIRED:
        return "the credentials have expired: log in again"
    if code in UNKNOWN_HERE:
        return (
            "the region does not know these credentials: enable the region for the account, or log in again"
        )
    return f"{call} was refused: {_line(refusal)}"


def _line(problem: Exception) -> str:
    return " ".join(str(problem).split())


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each check."""
    parser = argparse.ArgumentParser(prog="make preflight STAGE=...", description=__doc__)
    parser.add_argument("--stage", default="prod", help="the name of a file of stages/")
    name = parser.parse_args(arguments).stage
    try:
        stage = read_stage(name)
        # boto3 itself does not look at AWS_REGION, which the CDK and the functions do.
        session = boto3.session.Session(region_name=os.environ.get("AWS_REGION"))
        findings = Preflight(name, stage, session).findings()
    except (InvalidStage, BotoCoreError) as problem:  # the latter: AWS_PROFILE names one that is not there
        print(f"{LACKING:<8} {_line(problem)}")
        return 1
    for state, sentence, what in findings:
        print(f"{state:<8} {what}: {sentence}")
    return 1 if any(state == LACKING for state, _, _ in findings) else 0


if __name__ == "__main__":
    sys.exit(main())
