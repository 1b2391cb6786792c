"""The routes, who guards them, and what a browser may do."""

import json
from typing import Any

import pytest

from character_identity.api.routes import table
from infra.catalog import pascal
from local.function_policy import lets_call
from tests.infra.template import Template, readable, referred

pytestmark = pytest.mark.processes

ROUTES = {
    **{route.key: f"<Functions{pascal(route.function)}>" for route in table.ROUTES},
    "$default": "<FunctionsRefuseUnrouted>",  # whatever they do not take, preflights too
}
# Providers have no token of ours: one signs, the other knows an address that nobody guesses.
OPEN = {
    "POST /webhooks/fal",
    "POST /webhooks/astria/{token}",
    "GET /openapi.json",
    "GET /",
    "GET /docs",
    "GET /health",
    "$default",
}


def _integration(template: Template, route: dict[str, Any]) -> dict[str, Any]:
    prefix, integration = route["Target"]["Fn::Join"][1]
    assert prefix == "integrations/"
    return template.resources("AWS::ApiGatewayV2::Integration")[referred(integration)]


def test_each_route_calls_its_function_and_there_is_no_other(template: Template) -> None:
    routes = template.resources("AWS::ApiGatewayV2::Route").values()
    called = {route["RouteKey"]: _integration(template, route) for route in routes}
    assert {key: readable(each["IntegrationUri"]) for key, each in called.items()} == ROUTES
    assert {each["PayloadFormatVersion"] for each in called.values()} == {"2.0"}


def test_each_function_lets_its_routes_call_it(template: Template) -> None:
    """A route that its function does not know is answered by a bare 500, and sounds an alarm."""
    allowed: dict[str, list[dict[str, Any]]] = {}
    for permission in template.resources("AWS::Lambda::Permission").values():
        source = readable(permission["SourceArn"]).replace("AWS::", "")
        statement = {"Condition": {"ArnLike": {"AWS:SourceArn": source}}}
        allowed.setdefault(readable(permission["FunctionName"]), []).append(statement)
    for key, function in ROUTES.items():
        assert lets_call(allowed[function], "<ApiHttp>", "$default", key), key


def test_each_route_is_behind_the_authorizer_except_the_open_ones(template: Template) -> None:
    (authorizer,) = template.resources("AWS::ApiGatewayV2::Authorizer")
    routes = template.resources("AWS::ApiGatewayV2::Route").values()
    guarded = {route["RouteKey"] for route in routes if route["AuthorizationType"] == "CUSTOM"}
    assert guarded == ROUTES.keys() - OPEN
    for route in routes:
        if route["RouteKey"] in OPEN:
            assert (route["AuthorizationType"], "AuthorizerId" in route) == ("NONE", False)
        else:
            assert referred(route["AuthorizerId"]) == authorizer


def test_the_authorizer_is_asked_for_every_request(template: Template) -> None:
    authorizer = template.only("AWS::ApiGatewayV2::Authorizer")
    assert "<FunctionsAuthorizeRequest>" in readable(authorizer["AuthorizerUri"])
    assert authorizer["AuthorizerType"] == "REQUEST"
    assert authorizer["AuthorizerPayloadFormatVersion"] == "2.0"
    assert authorizer["EnableSimpleResponses"] is True
    assert authorizer["IdentitySource"] == ["$request.header.Authorization"]
    assert authorizer["AuthorizerResultTtlInSeconds"] == 0


def test_pages_of_the_configured_origins_may_call(template: Template) -> None:
    api, bucket = template.only("AWS::ApiGatewayV2::Api"), template.only("AWS::S3::Bucket")
    cors = api["CorsConfiguration"]
    assert cors["AllowOrigins"] == {"Ref": "CorsOrigins"}
    assert set(cors["AllowMethods"]) == {"GET", "POST", "PATCH", "DELETE"}
    assert set(cors["AllowHeaders"]) == {
        "authorization",
        "content-type",
        "idempotency-key",
        "if-none-match",
        "prefer",
    }
    exposed = {
        "x-request-id",
        "location",
        "retry-after",
        "etag",
        "ratelimit",
        "ratelimit-policy",
        "allow",
        "idempotent-replayed",
        "preference-applied",
    }
    assert set(cors["ExposeHeaders"]) == exposed
    rules = bucket["CorsConfiguration"]["CorsRules"]
    callers, own_pages = [rule["AllowedOrigins"] for rule in rules if rule["AllowedMethods"] == ["POST"]]
    assert callers == {"Ref": "CorsOrigins"}
    assert readable(own_pages[0]) == "https://*.execute-api.<AWS::Region>.<AWS::URLSuffix>"


def test_a_page_that_is_led_on_to_the_bucket_without_its_origin_may_read_there(template: Template) -> None:
    bucket = template.only("AWS::S3::Bucket")
    reading = [rule for rule in bucket["CorsConfiguration"]["CorsRules"] if "GET" in rule["AllowedMethods"]]
    assert [rule["AllowedOrigins"] for rule in reading] == [["*"]]


def test_the_access_log_names_owner_and_outcome_but_no_header_and_no_query(template: Template) -> None:
    stage = template.only("AWS::ApiGatewayV2::Stage")
    assert readable(stage["AccessLogSettings"]["DestinationArn"]) == "<ApiAccessLogs>"
    line = stage["AccessLogSettings"]["Format"]
    assert "$context.authorizer.owner" in line
    assert "$context.status" in line
    assert "$context.path" not in line
    assert stage["StageName"] == "$default"
    assert stage["AutoDeploy"] is True


def test_the_access_log_says_why_the_authorizer_or_the_function_could_not_be_called(
    template: Template,
) -> None:
    """As where no function is free: then neither has a line of its own.

    "Customize HTTP API access logs" in API Gateway's developer guide, read 2026-11-29.
    """
    line = json.loads(template.only("AWS::ApiGatewayV2::Stage")["AccessLogSettings"]["Format"])
    assert line["error"] == "$context.integrationErrorMessage"
    assert line["authorizerError"] == "$context.authorizer.error"
