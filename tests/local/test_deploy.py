"""A stack that ``cdk synth`` wrote is deployed unmodified, and all its parts work together."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from local import image_function
from local.deploy import Assembly, deploy, set_secrets
from local.errors import CannotRun
from local.function_policy import lets_call
from local.packages import STATE
from tests.local import tiny_stack
from tests.support.emulator import EmulatedAws
from tests.support.waiting import HANGS_AFTER_S, wait_until

pytestmark = pytest.mark.processes

PARAMETERS = {"Place": "here", "CorsOrigins": "https://app.test,https://other.test", "NotDeclared": "x"}


@dataclass(frozen=True)
class Deployed:
    aws: EmulatedAws
    outputs: dict[str, str]

    def call(self, path: str, token: str = "Eileen", origin: str = "", **options: Any) -> httpx.Response:
        given = {"Authorization": token and f"Bearer {token}", "Origin": origin}
        headers = {name: value for name, value in given.items() if value}
        return httpx.post(f"{self.aws.api_url}{path}", headers=headers, timeout=HANGS_AFTER_S, **options)


@pytest.fixture(scope="module")
def stack(aws: EmulatedAws, tmp_path_factory: pytest.TempPathFactory) -> Deployed:
    folder = tiny_stack.write(tmp_path_factory.mktemp("cdk.out"))
    image_function.prepare(folder / "asset.image", "Dockerfile", tiny_stack.IMAGE_TAG, {}, STATE)
    archives = tmp_path_factory.mktemp("archives")
    return Deployed(aws, deploy(Assembly.read(folder), aws.endpoint, PARAMETERS, archives))


def test_a_request_passes_authorizer_route_layer_and_environment(stack: Deployed) -> None:
    answer = stack.call("/v1/echo/a%20b?x=1&x=2", json={"k": "v"})
    assert (answer.status_code, answer.headers["location"]) == (201, "/there")
    body = answer.json()
    assert ".execute-api." in body.pop("webhooks")  # the address that the API has by itself
    assert body == {
        "greeting": "Hello a b",
        "owner": "Eileen",
        "query": {"x": "1,2"},
        "body": '{"k":"v"}',
        "path": "/v1/echo/a b",
        "place": "here",
    }


@pytest.mark.parametrize(
    ("path", "token", "status", "message"),
    [
        ("/v1/echo/x", "", 401, "Unauthorized"),
        ("/v1/echo/x", "stranger", 403, "Forbidden"),
        ("/v1/nothing", "Eileen", 404, "Not Found"),
        ("/v1/echo/nobody", "Eileen", 500, "Internal Server Error"),
        ("/v1/double", "Eileen", 500, "Internal Server Error"),  # whose policy does not name the API
    ],
)
def test_the_api_refuses_as_api_gateway_does(
    stack: Deployed, path: str, token: str, status: int, message: str
) -> None:
    answer = stack.call(path, token)
    assert (answer.status_code, answer.json()) == (status, {"message": message})


def test_a_body_that_is_more_than_lambda_takes_does_not_get_there(stack: Deployed) -> None:
    answer = stack.call("/v1/echo/x", content="x" * (6 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()) == (413, {"message": "Request Too Long"})


@pytest.mark.parametrize(
    ("source", "route", "allowed"),
    [
        ("a/*/*/*", "GET /v1/x/{y}", True),
        ("a/*/GET/*", "GET /v1/x/{y}", True),
        ("a/*/GET/*", "POST /v1/x", False),
        ("b/*/*/*", "GET /v1/x", False),
        ("a/*/*/*", "$default", False),
        ("a/*/$default", "$default", True),
        ("a/*/*", "$default", True),
    ],
)
def test_a_functions_policy_names_the_routes_that_call_it(source: str, route: str, allowed: bool) -> None:
    arn = f"arn:aws:execute-api:eu-west-1:000000000000:{source}"
    statement = {"Condition": {"ArnLike": {"AWS:SourceArn": arn}}}
    assert lets_call([statement], "a", "$default", route) is allowed


@pytest.mark.parametrize(
    ("path", "token", "status"),
    [
        ("/v1/echo/x", "Eileen", 201),
        ("/v1/echo/x", "", 401),
        ("/v1/echo/x", "stranger", 403),
        ("/v1/nothing", "Eileen", 404),
        ("/", "", 404),
        ("/v1/echo/nobody", "Eileen", 500),
    ],
)
@pytest.mark.parametrize(("origin", "allowed"), [("https://app.test", True), ("https://evil.test", False)])
def test_a_page_of_an_allowed_origin_can_read_every_answer(
    stack: Deployed, path: str, token: str, status: int, origin: str, allowed: bool
) -> None:
    answer = stack.call(path, token, origin)
    assert answer.status_code == status
    assert answer.headers.get("access-control-allow-origin") == (origin if allowed else None)


@pytest.mark.parametrize(("origin", "status"), [("https://app.test", 204), ("https://evil.test", 403)])
def test_the_templates_cors_settings_count(stack: Deployed, origin: str, status: int) -> None:
    headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    answer = httpx.options(f"{stack.aws.api_url}/v1/echo/x", headers=headers)
    assert answer.status_code == status
    allowed = answer.headers.get("access-control-allow-origin")
    assert allowed == (origin if status == 204 else None)


def test_an_object_in_the_bucket_starts_a_function(stack: Deployed) -> None:
    s3, table = stack.aws.client("s3"), stack.aws.client("dynamodb")
    for key in ("uploads/other.jpg", "generations/picture.jpg"):
        s3.put_object(Bucket=stack.outputs["Media"], Key=key, Body=b"x")
    items = wait_until(lambda: table.scan(TableName=stack.outputs["Table"])["Items"], "a row")
    assert items == [{"pk": {"S": "generations/picture.jpg"}}]


def test_a_state_machine_calls_the_function_put_in_for_its_name(stack: Deployed) -> None:
    assert stack.aws.execute(stack.outputs["Machine"], {"number": 21})["output"] == {"number": 42}


def test_an_image_function_runs_without_docker(stack: Deployed) -> None:
    answer = stack.aws.client("lambda").invoke(FunctionName=stack.outputs["Image"], Payload=b"{}")
    assert json.loads(answer["Payload"].read()) == {"model": "some weights"}


def test_secrets_get_their_values(stack: Deployed) -> None:
    set_secrets(stack.aws.endpoint, {stack.outputs["Key"]: "id:secret"})
    value = stack.aws.client("secretsmanager").get_secret_value(SecretId=stack.outputs["Key"])
    assert value["SecretString"] == "id:secret"


@pytest.mark.parametrize(
    ("resource_type", "reason"),
    [
        ("No::SuchThing", r"The stack was refused: .*No::SuchThing"),
        ("CloudWatch::Alarm", r"Odd \(AWS::CloudWatch::Alarm\) could not be created: MetricName"),
    ],
)
def test_a_stack_that_cannot_be_made_says_why(
    aws: EmulatedAws, tmp_path: Path, resource_type: str, reason: str
) -> None:
    template = tiny_stack.assets()["files"]["template"]
    template["source"]["path"] = "Broken.template.json"
    broken = {"Resources": {"Odd": tiny_stack.resource(resource_type)}}
    (tmp_path / "Broken.template.json").write_text(json.dumps(broken))
    (tmp_path / "Broken.assets.json").write_text(json.dumps({"files": {"template": template}}))
    with pytest.raises(CannotRun, match=reason):
        deploy(Assembly(tmp_path, "Broken", "Broken"), aws.endpoint, {}, tmp_path)
