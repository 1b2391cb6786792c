"""What an account lacks is said in one line each, whatever AWS answers, and never as a traceback."""

import json
import subprocess
from dataclasses import replace
from datetime import timedelta
from email.message import Message
from functools import cache
from io import BytesIO
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import Request
from urllib.response import addinfourl

import boto3
import pytest
from botocore.client import BaseClient
from botocore.exceptions import (
    BotoCoreError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ReadTimeoutError,
    TokenRetrievalError,
)
from botocore.validate import validate_parameters

from infra.stages import read_stage
from scripts.preflight import Preflight, main, read_document
from scripts.signing_chain import self_made
from tests.support.builders import NOON
from tests.support.shared_clients import SharedClients
from tests.support.tokens import a_jwks

TOPIC = "arn:aws:sns:eu-central-1:123456789012:topic"
OUTPUTS = {
    "FalKeySecretName": "fal",
    "AstriaKeySecretName": "astria",
    "ProvenanceKeySecretName": "provenance",
    "AlarmTopicArn": TOPIC,
}
CONFIRMED = {"SubscriptionArn": f"{TOPIC}:1", "Endpoint": "ops@example.com"}
WAITING = {"SubscriptionArn": "PendingConfirmation", "Endpoint": "new@example.com"}
WHOLE: dict[str, Any] = {
    "GetCallerIdentity": {"Account": "123456789012"},
    "GetApis": {"Items": []},
    "GetParameter": {"Parameter": {"Value": "21"}},
    "GetAccountSettings": {
        "AccountLimit": {"ConcurrentExecutions": 1000, "UnreservedConcurrentExecutions": 900}
    },
    "GetServiceQuota": {"Quota": {"Value": 10000.0}},
    "GetAWSDefaultServiceQuota": {"Quota": {"Value": 2500.0}},
    "DescribeStacks": {
        "Stacks": [{"Outputs": [{"OutputKey": key, "OutputValue": of} for key, of in OUTPUTS.items()]}]
    },
    "GetSecretValue": {"SecretString": "a key"},
    "GetSecretValue provenance": {"SecretString": self_made(NOON, timedelta(days=31))},
    "ListSubscriptionsByTopic": {"Subscriptions": [CONFIRMED, WAITING]},
}
"""What AWS answers where nothing is lacking."""
CALLS = {
    "credentials": "GetCallerIdentity",
    "region": "GetApis",
    "bootstrap": "GetParameter",
    "concurrency": "GetAccountSettings",
    "API throttle": "GetServiceQuota",
    "provider keys": "GetSecretValue",
    "alarms": "ListSubscriptionsByTopic",
}
"""What is asked for each check that asks AWS."""
JWKS_URL = "https://me.example/jwks"
STAGE = read_stage("prod")
STAGE = STAGE.model_copy(update={"parameters": {**STAGE.parameters, "JwtIssuer": "me", "JwksUrl": JWKS_URL}})
BOOTSTRAPPING = "run `npx aws-cdk@2.1148.1 bootstrap aws://123456789012/eu-central-1` from an empty folder"
"""From a folder without an application the command line takes no other form (2.1148.1)."""
NOT_THERE = "An error occurred: Stack with id CharacterIdentity-prod does not exist"


class Aws:
    """Answers the calls of real clients: with a document, an error's code and message, or an exception."""

    def __init__(self) -> None:
        self.answers = dict(WHOLE)

    def answer(self, client: Any, operation: str, parameters: dict[str, Any]) -> Any:
        model = client.meta.service_model.operation_model(operation)
        validate_parameters(parameters, model.input_shape)
        about = f"{operation} {parameters.get('SecretId')}"
        match self.answers.get(about, self.answers[operation]):
            case Exception() as problem:
                raise problem
            case (str(code), str(message)):
                error = {"Error": {"Code": code, "Message": message}}
                raise client.exceptions.from_code(code)(error, operation)
            case document:
                return document


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    aws = Aws()
    monkeypatch.setattr(BaseClient, "_make_api_call", lambda *call: aws.answer(*call))
    return aws


@cache
def session_in(region: str | None) -> SharedClients:
    """What it knows of services and regions takes half a second to read."""
    return SharedClients(region)


def a_preflight(region: str | None = "eu-central-1") -> Preflight:
    """One of somebody who has Docker, a network, an issuer, and what ``aws`` answers."""
    return Preflight(
        name="prod",
        stage=STAGE,
        session=session_in(region),
        run=lambda command: 0,
        fetch_head=lambda url: None,
        read_document=lambda url: a_jwks("ES256"),
        find_command=lambda name: f"/usr/bin/{name}",
        now=lambda: NOON,
    )


def found(checks: Preflight) -> dict[str, tuple[str, str]]:
    """What each check found; every one in one line."""
    findings = {what: (state, sentence) for state, sentence, what in checks.findings()}
    assert not [sentence for _, sentence in findings.values() if "\n" in sentence or not sentence]
    return findings


def test_where_nothing_is_lacking_all_is_ok(aws: Aws) -> None:
    findings = found(a_preflight())
    assert {state for state, _ in findings.values()} == {"ok"}
    assert findings["credentials"][1] == "account 123456789012, region eu-central-1"
    assert findings["alarms"][1] == "1 of 2 subscriptions are confirmed"


def test_no_key_is_said(aws: Aws) -> None:
    aws.answers["GetSecretValue"] = {"SecretString": "fal-id:very-secret"}
    aws.answers["GetSecretValue provenance"] = {"SecretString": "-----BEGIN PRIVATE KEY-----very-secret"}
    assert "very-secret" not in str(found(a_preflight()))


@pytest.mark.parametrize(
    ("check", "answers", "said"),
    [
        (
            "bootstrap",
            {"GetParameter": ("ParameterNotFound", "")},
            f"bootstrapped for the CDK: {BOOTSTRAPPING}",
        ),
        (
            "bootstrap",
            {"GetParameter": {"Parameter": {"Value": "5"}}},
            f"version 5, but 8 is needed: {BOOTSTRAPPING} once more",
        ),
        (
            "concurrency",
            {"GetAccountSettings": {"AccountLimit": {"UnreservedConcurrentExecutions": 10}}},
            "10 functions may run at once, but 70 are needed: raise the quota",
        ),
        ("API throttle", {"GetServiceQuota": {"Quota": {"Value": 20.0}}}, "20 requests per second over all"),
        ("provider keys", {"GetSecretValue": {"SecretString": "not configured"}}, "none of fal and Astria"),
        ("provider keys", {"GetSecretValue": {"SecretString": " \n"}}, "none of fal and Astria"),
        ("signing key", {"GetSecretValue provenance": {"SecretString": "not configured"}}, "there is none"),
        ("signing key", {"GetSecretValue provenance": {"SecretString": "a password"}}, "no private key"),
        (
            "signing key",
            {
                "GetSecretValue provenance": {
                    "SecretString": self_made(NOON - timedelta(days=9), timedelta(9))
                }
            },
            "valid from 2026-11-12 12:00 until 2026-11-22 12:00 UTC only. Pictures are not signed until",
        ),
        (
            "signing key",
            {"GetSecretValue provenance": {"SecretString": self_made(NOON + timedelta(days=2))}},
            "valid from 2026-11-23 12:00",
        ),
        (
            "signing key",
            {"GetSecretValue provenance": {"SecretString": self_made(NOON, timedelta(days=29))}},
            "its certificates end on 2026-12-21: put new ones in",
        ),
        ("signing key", {"GetSecretValue provenance": ("AccessDeniedException", "")}, "is denied"),
        ("alarms", {"ListSubscriptionsByTopic": {"Subscriptions": []}}, "nobody has subscribed"),
        (
            "alarms",
            {"ListSubscriptionsByTopic": {"Subscriptions": [WAITING]}},
            "new@example.com has not followed the link",
        ),
    ],
)
def test_what_is_lacking_is_said_and_what_to_do(
    aws: Aws, check: str, answers: dict[str, Any], said: str
) -> None:
    aws.answers |= answers
    findings = found(a_preflight())
    state, sentence = findings.pop(check)
    assert state == "lacking"
    assert said in sentence
    assert {state for state, _ in findings.values()} == {"ok"}


@pytest.mark.parametrize(("bound", "state"), [(0, "ok"), (100, "ok"), (101, "lacking")])
def test_what_would_be_reserved_leaves_a_hundred(aws: Aws, bound: int, state: str) -> None:
    parameters = {**STAGE.parameters, "FetchConcurrency": bound}
    checks = replace(a_preflight(), stage=STAGE.model_copy(update={"parameters": parameters}))
    found_state, sentence = found(checks)["concurrency"]
    assert found_state == state
    assert state == "ok" or "FetchConcurrency reserves 909 of the 1000 functions" in sentence


def test_a_quota_that_nobody_changed_is_the_default(aws: Aws) -> None:
    aws.answers["GetServiceQuota"] = ("NoSuchResourceException", "")
    assert found(a_preflight())["API throttle"] == (
        "ok",
        "2500 requests per second over all APIs, the stage lets 50 through",
    )


def test_before_the_first_deployment_keys_and_alarms_come_later(aws: Aws) -> None:
    aws.answers["DescribeStacks"] = ("ValidationError", NOT_THERE)
    findings = found(a_preflight())
    assert [what for what, (state, _) in findings.items() if state == "later"] == [
        "provider keys",
        "signing key",
        "alarms",
    ]
    assert "CharacterIdentity-prod" in findings["alarms"][1]


@pytest.mark.parametrize("check", CALLS)
@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (("AccessDeniedException", "no\nreally"), "is denied to these credentials: allow it"),
        (("AccessDenied", ""), "is denied to these credentials: allow it"),
        (("ExpiredTokenException", ""), "expired: log in again"),
        (("UnrecognizedClientException", ""), "enable the region for the account"),
        (("InvalidClientTokenId", ""), "enable the region for the account"),
        (("InternalError", "a\nlong\nstory"), "was refused: An error occurred (InternalError)"),
        (NoCredentialsError(), "there are no credentials"),
        (
            PartialCredentialsError(provider="env", cred_var="secret"),
            "there are no credentials",
        ),
        (ConnectTimeoutError(endpoint_url="https://x"), "no answer within 10 s"),
        (ReadTimeoutError(endpoint_url="https://x"), "no answer within 10 s"),
        (EndpointConnectionError(endpoint_url="https://x"), "no answer within 10 s"),
        (TokenRetrievalError(provider="sso", error_msg="the session\nis over"), "AWS could not be asked"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else type(value).__name__,
)
def test_a_question_that_fails_is_one_sentence_and_the_others_are_asked(
    aws: Aws, check: str, problem: Any, said: str
) -> None:
    aws.answers[CALLS[check]] = problem
    findings = found(a_preflight())
    state, sentence = findings.pop(check)
    assert state == "lacking"
    assert said in sentence
    assert {state for state, _ in findings.values()} == {"ok"}


def test_without_a_region_that_is_said(aws: Aws, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    findings = found(a_preflight(region=None))
    assert {findings[check] for check in CALLS} == {("lacking", "there is no region: set AWS_REGION")}
    assert findings["Docker"][0] == findings["weights"][0] == "ok"


@pytest.mark.parametrize("region", ["eu-central-1", "me-south-1", "us-east-1", "cn-north-1", "us-gov-west-1"])
def test_a_region_that_has_all_services(aws: Aws, region: str) -> None:
    assert found(a_preflight(region))["region"][0] == "ok"


def test_a_region_that_lacks_services_is_told_so(aws: Aws) -> None:
    class Session(boto3.session.Session):  # type: ignore[misc]
        def get_available_regions(self, service_name: str, **of: Any) -> list[str]:
            return (
                [] if service_name in ("sqs", "xray") else super().get_available_regions(service_name, **of)
            )

    checks = replace(a_preflight(), session=Session(region_name="eu-central-1"))
    assert found(checks)["region"][1].startswith("eu-central-1 has no sqs, xray: choose another region")


def test_a_region_with_the_older_apis_only_is_told_so(aws: Aws) -> None:
    """botocore lists API Gateway there all the same, for its control plane has one address for both."""
    aws.answers["GetApis"] = ("BadRequestException", "HTTP APIs are not available in this AWS region")
    findings = found(a_preflight("ap-southeast-7"))
    assert findings["region"] == (
        "lacking",
        "ap-southeast-7 has no HTTP APIs: choose another region with AWS_REGION",
    )


def test_parameters_that_have_to_be_given_are_named(aws: Aws) -> None:
    state, sentence = found(replace(a_preflight(), stage=read_stage("prod")))["parameters"]
    assert state == "lacking"
    assert sentence.startswith("JwtIssuer and JwksUrl have no value: put them into stages/prod.json")


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (
            {"keys": []},
            "has no keys (The issuer publishes no key for ES256 or RS256.), and without one no token",
        ),
        ({"keys": [{"kty": "oct", "alg": "HS256", "k": "c2VjcmV0"}]}, "no key for ES256 or RS256"),
        (
            ValueError("Expecting value: line 1"),
            "https://me.example/jwks has no keys (Expecting value: line 1)",
        ),
        (OSError("reset"), "has no keys (reset)"),
    ],
)
def test_an_issuer_whose_tokens_nobody_could_use_is_told(aws: Aws, document: Any, said: str) -> None:
    """A project of Supabase that signs with its legacy secret publishes an empty set of keys."""

    def read(url: str) -> Any:
        if isinstance(document, Exception):
            raise document
        return document

    findings = found(replace(a_preflight(), read_document=read))
    state, sentence = findings.pop("token keys")
    assert state == "lacking"
    assert said in sentence
    assert {state for state, _ in findings.values()} == {"ok"}


@pytest.mark.parametrize(
    ("body", "found_at", "said"),
    [
        (json.dumps(a_jwks("ES256")), JWKS_URL, f"{JWKS_URL} has 1 for ES256 or RS256"),
        ("<html>", JWKS_URL, "has no keys (Expecting value"),
        ("{}", "https://login.example/", f"{JWKS_URL} redirects to https://login.example/"),
    ],
)
def test_the_keys_are_read_where_the_authorizer_reads_them(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, body: str, found_at: str, said: str
) -> None:
    def urlopen(request: Request, timeout: float) -> addinfourl:
        return addinfourl(BytesIO(body.encode()), Message(), found_at)

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    assert said in found(replace(a_preflight(), read_document=read_document))["token keys"][1]


def test_an_issuer_that_the_deployment_names_is_asked_later(aws: Aws) -> None:
    assert found(replace(a_preflight(), stage=read_stage("prod")))["token keys"][0] == "later"


def _takes_for_ever(command: list[str]) -> int:
    raise subprocess.TimeoutExpired(command, 10)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"find_command": lambda name: None}, "there is no `docker`"),
        ({"run": lambda command: 1}, "`docker info` fails: start the engine"),
        ({"run": _takes_for_ever}, "`docker info` took more than 10 s"),
    ],
)
def test_docker(aws: Aws, changes: dict[str, Any], said: str) -> None:
    state, sentence = found(replace(a_preflight(), **changes))["Docker"]
    assert state == "lacking"
    assert sentence.startswith(said)


@pytest.mark.parametrize(
    ("face_encoder", "hosts"),
    [
        ("face-sface-2021dec", ["huggingface.co", "media.githubusercontent.com"]),
        ("face-dlib-resnet-v1", ["huggingface.co"]),
        ("none", ["huggingface.co"]),
    ],
)
def test_every_host_that_the_image_of_the_stage_takes_weights_from_is_asked(
    aws: Aws, face_encoder: str, hosts: list[str]
) -> None:
    """What pip fetches comes from where all other packages do."""
    asked: list[str] = []
    stage = STAGE.model_copy(update={"face_encoder": face_encoder})
    assert found(replace(a_preflight(), stage=stage, fetch_head=asked.append))["weights"][0] == "ok"
    assert [urlsplit(url).hostname for url in asked] == hosts


@pytest.mark.parametrize("problem", [URLError("no route"), TimeoutError("timed out"), OSError("reset")])
def test_weights_that_cannot_be_fetched(aws: Aws, problem: OSError) -> None:
    def fail(url: str) -> None:
        raise problem

    state, sentence = found(replace(a_preflight(), fetch_head=fail))["weights"]
    assert state == "lacking"
    assert "from which the build of the image takes clip-vit-b32" in sentence


def test_the_command_prints_a_line_for_each_and_fails_if_something_is_lacking(
    aws: Aws, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    aws.answers["GetCallerIdentity"] = NoCredentialsError()
    monkeypatch.setattr(Preflight, "docker", lambda self: "there")
    monkeypatch.setattr(Preflight, "weights", lambda self: "there")
    assert main(["--stage", "prod"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("lacking  credentials: there are no credentials")
    assert "ok       Docker: there" in lines
    assert len(lines) == 12


def test_a_stage_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--stage", "production"]) == 1
    assert capsys.readouterr().out == "lacking  There is no stage 'production': stages/ has dev, prod.\n"


def test_a_profile_that_is_not_there_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert main([]) == 1
    assert capsys.readouterr().out == "lacking  The config profile (nobody) could not be found\n"
    assert issubclass(NoCredentialsError, BotoCoreError)
