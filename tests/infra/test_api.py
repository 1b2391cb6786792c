"""The routes, who guards them, and what a browser may do."""

from typing import Any

from tests.infra.template import Template, readable, referred

ROUTES = {
    "POST /v1/references": "<FunctionsCreateReferences>",
    "GET /v1/providers": "<FunctionsListProviders>",
    "POST /v1/identities": "<FunctionsCreateIdentity>",
    "GET /v1/identities": "<FunctionsListIdentities>",
    "GET /v1/identities/{identity_id}": "<FunctionsGetIdentity>",
    "POST /v1/identities/{identity_id}/generations": "<FunctionsCreateGeneration>",
    "GET /v1/generations/{generation_id}": "<FunctionsGetGeneration>",
    "POST /api/astria/tunes": "<FunctionsProxyAstriaCreateTune>",
    "GET /api/astria/tunes/{tune_id}": "<FunctionsProxyAstriaGetTune>",
    "POST /api/astria/tunes/{tune_id}/prompts": "<FunctionsProxyAstriaCreatePrompt>",
    "GET /api/astria/tunes/{tune_id}/prompts/{prompt_id}": "<FunctionsProxyAstriaGetPrompt>",
}
# Every method reaches the function, which names the one that is allowed; a preflight reaches none.
FIRST_CLIENT = {
    "/api/fal-instant-character-proxy": "<FunctionsProxyFalInstant>",
    "/api/fal-lora-training-proxy": "<FunctionsProxyFalLoraTrain>",
    "/api/fal-lora-status-proxy": "<FunctionsProxyFalLoraStatus>",
    "/api/fal-lora-inference-proxy": "<FunctionsProxyFalLoraGenerate>",
    "/api/astria-proxy": "<FunctionsProxyAstria>",
}
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
ROUTES |= {f"{method} {path}": called for path, called in FIRST_CLIENT.items() for method in METHODS}


def _integration(template: Template, route: dict[str, Any]) -> dict[str, Any]:
    prefix, integration = route["Target"]["Fn::Join"][1]
    assert prefix == "integrations/"
    return template.resources("AWS::ApiGatewayV2::Integration")[referred(integration)]


def test_each_route_calls_its_function_and_there_is_no_other(template: Template) -> None:
    routes = template.resources("AWS::ApiGatewayV2::Route").values()
    called = {route["RouteKey"]: _integration(template, route) for route in routes}
    assert {key: readable(each["IntegrationUri"]) for key, each in called.items()} == ROUTES
    assert {each["PayloadFormatVersion"] for each in called.values()} == {"2.0"}


def test_each_route_is_behind_the_authorizer(template: Template) -> None:
    (authorizer,) = template.resources("AWS::ApiGatewayV2::Authorizer")
    for route in template.resources("AWS::ApiGatewayV2::Route").values():
        assert (route["AuthorizationType"], referred(route["AuthorizerId"])) == ("CUSTOM", authorizer)


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
    assert set(cors["AllowMethods"]) == {"GET", "POST"}
    assert {"authorization", "content-type"} <= set(cors["AllowHeaders"])
    assert "location" in cors["ExposeHeaders"]
    (upload,) = bucket["CorsConfiguration"]["CorsRules"]
    assert upload["AllowedOrigins"] == {"Ref": "CorsOrigins"}
    assert "POST" in upload["AllowedMethods"]


def test_the_access_log_names_owner_and_outcome_but_no_header_and_no_query(template: Template) -> None:
    stage = template.only("AWS::ApiGatewayV2::Stage")
    assert readable(stage["AccessLogSettings"]["DestinationArn"]) == "<ApiAccessLogs>"
    line = stage["AccessLogSettings"]["Format"]
    assert "$context.authorizer.owner" in line
    assert "$context.status" in line
    assert "$context.path" not in line
    assert stage["StageName"] == "$default"
    assert stage["AutoDeploy"] is True
