"""The HTTP API: the routes of the table, behind the authorizer unless they are open."""

from collections.abc import Mapping, Sequence

import aws_cdk as cdk
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_apigatewayv2_authorizers as authorizers
from aws_cdk import aws_apigatewayv2_integrations as integrations
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from character_identity.api.openapi.components import HEADER_PARAMETERS, HEADERS
from character_identity.api.routes.table import ROUTES
from infra import catalog
from infra.monitoring import vended_log_group
from infra.stages import Stage

# One line of JSON per request; no header, no query and no token gets into it.
ACCESS_LOG = (
    '{"requestId":"$context.requestId","time":"$context.requestTime","owner":"$context.authorizer.owner",'
    '"route":"$context.routeKey","status":"$context.status","latencyMs":"$context.responseLatency",'
    '"error":"$context.integrationErrorMessage","authorizerError":"$context.authorizer.error"}'
)

METHODS = sorted({route.method for route in ROUTES})


class Api(Construct):
    """The routes of the table, each to its function."""

    def __init__(
        self,
        scope: Construct,
        construct_id: str,
        *,
        functions: Mapping[str, lambda_.Function],
        cors_origins: Sequence[str],
        stage: Stage,
    ) -> None:
        super().__init__(scope, construct_id)
        authorizer = next(entry.name for entry in catalog.FUNCTIONS if entry.trigger == catalog.AUTHORIZER)
        self.http_api = apigateway.HttpApi(
            self,
            "Http",
            description="Character identities and their pictures",
            create_default_stage=False,
            default_authorizer=authorizers.HttpLambdaAuthorizer(
                "Bearer",
                functions[authorizer],
                response_types=[authorizers.HttpLambdaResponseType.SIMPLE],
                identity_source=["$request.header.Authorization"],
                results_cache_ttl=cdk.Duration.seconds(0),
            ),
            cors_preflight=apigateway.CorsPreflightOptions(
                allow_origins=list(cors_origins),
                allow_methods=[apigateway.CorsHttpMethod[name] for name in METHODS],
                allow_headers=["authorization", "content-type", *map(str.lower, HEADER_PARAMETERS)],
                expose_headers=[*map(str.lower, HEADERS)],
                max_age=cdk.Duration.hours(1),
            ),
        )
        for entry in catalog.FUNCTIONS:
            # One permission to call a function, whatever the number of its routes: a stack has 500 resources.
            # It fits STAGE/METHOD/PATH. What has no route calls as STAGE/$default, and has another
            # (https://github.com/aws/serverless-application-model/issues/1860, read 2026-11-29).
            integration = integrations.HttpLambdaIntegration(
                entry.name,
                functions[entry.name],
                scope_permission_to_route=entry.trigger == catalog.NO_ROUTE,
            )
            for route in entry.routes:
                self.http_api.add_routes(
                    path=route.path,
                    methods=[apigateway.HttpMethod[route.method]],
                    integration=integration,
                    authorizer=apigateway.HttpNoneAuthorizer() if route.is_open else None,
                )
            if entry.trigger == catalog.NO_ROUTE:
                apigateway.HttpRoute(
                    self,
                    "NoRoute",
                    http_api=self.http_api,
                    route_key=apigateway.HttpRouteKey.DEFAULT,
                    integration=integration,
                    authorizer=apigateway.HttpNoneAuthorizer(),  # preflights have no token
                )
        self._add_default_stage(stage)
        self.url = self.http_api.api_endpoint  # the stage's own ends in a slash, and paths are put behind it

    def _add_default_stage(self, stage: Stage) -> None:
        """API Gateway calls a stage what has a name in the API's address; ours has none."""
        default = self.http_api.add_stage(
            "Stage",
            stage_name="$default",
            auto_deploy=True,
            throttle=apigateway.ThrottleSettings(
                rate_limit=stage.throttle.requests_per_second, burst_limit=stage.throttle.burst
            ),
        )
        resource = default.node.default_child
        assert isinstance(resource, apigateway.CfnStage)
        resource.access_log_settings = apigateway.CfnStage.AccessLogSettingsProperty(
            destination_arn=vended_log_group(self, "AccessLogs", stage).log_group_arn, format=ACCESS_LOG
        )
