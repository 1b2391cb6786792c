"""Makes ministack's HTTP API answer as API Gateway does, under a base URL of its own.

One path is ours: ``/_local`` says which run the port belongs to.

Knows ministack 1.5.33 from inside.
"""

import json
import os
from functools import wraps
from inspect import signature
from typing import Any

import ministack.services.apigateway as api_gateway
import ministack.services.lambda_svc as lambda_service

from local.function_policy import lets_call
from local.gate import Application, Scope
from local.packages import ROOT
from local.ports import WHO

Document = dict[str, Any]

JSON = {"Content-Type": "application/json"}
MOST_BYTES = 6 * 1024 * 1024
"""Of a call of Lambda ("Lambda quotas" in its guide, read 2026-11-29); API Gateway's own limit is higher."""


def install() -> None:
    """Correct the answers; once, before the first request."""
    hide_what_went_wrong_in_a_function()
    let_pages_read_refusals()
    call_only_functions_that_take_it()
    let_routes_take_preflights()


def hide_what_went_wrong_in_a_function() -> None:
    """A failed function answers a bare 500; ministack shows the error."""
    shape = lambda_service.lambda_execute_result_to_api_proxy_response

    def shape_like_aws(result: Document) -> tuple[Document, None]:
        if result.get("error"):
            return {"statusCode": 500, "headers": JSON, "body": '{"message":"Internal Server Error"}'}, None
        response: tuple[Document, None] = shape(result)
        return response

    lambda_service.lambda_execute_result_to_api_proxy_response = shape_like_aws


def let_pages_read_refusals() -> None:
    """What the API refuses before a function is called carries the CORS headers too.

    Ministack gives them to the answers of functions only, and a page sees no status of an answer without.
    """
    execute = api_gateway._handle_execute_in_scope
    arguments = signature(execute)

    @wraps(execute)
    async def execute_and_allow(*positional: Any, **named: Any) -> tuple[int, Document, Any]:
        status, answered, body = await execute(*positional, **named)
        asked = arguments.bind(*positional, **named).arguments
        if asked["method"] != "OPTIONS":
            cors = (api_gateway._apis.get(asked["api_id"]) or {}).get("corsConfiguration") or {}
            origin = asked["headers"].get("origin", "")
            answered = {**answered, **api_gateway._cors_response_headers(cors, origin)}
        return status, answered, body

    api_gateway._handle_execute_in_scope = execute_and_allow


def call_only_functions_that_take_it() -> None:
    """A function is not called with more than Lambda takes, nor by a route that its policy does not let.

    Ministack knows no limit and asks no policy.
    """
    invoke = api_gateway._invoke_lambda_proxy
    arguments = signature(invoke)

    @wraps(invoke)
    async def invoke_if_taken(*positional: Any, **named: Any) -> tuple[int, Document, bytes]:
        asked = arguments.bind(*positional, **named).arguments
        reference = api_gateway._extract_lambda_ref_from_integration_uri(
            asked["integration"]["integrationUri"]
        )
        owner = {name: asked[f"owner_{name}"] for name in ("account_id", "region")}
        function, *_ = lambda_service._get_func_record_for_ref_in_scope(reference, **owner)
        route = (asked["api_id"], asked["stage"], asked["route_key"])
        if function and not lets_call(function["policy"]["Statement"], *route):
            return 500, JSON, b'{"message":"Internal Server Error"}'
        if len(asked["body"] or b"") > MOST_BYTES:
            return 413, JSON, b'{"message":"Request Too Long"}'
        answer: tuple[int, Document, bytes] = await invoke(*positional, **named)
        return answer

    api_gateway._invoke_lambda_proxy = invoke_if_taken


def let_routes_take_preflights() -> None:
    """A preflight is answered by the function of its route, or of that of all the rest, with CORS headers.

    API Gateway answers it itself where there is neither, and ministack always:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-cors.html, read 2026-11-28.
    """
    execute = api_gateway._handle_execute_in_scope
    arguments = signature(execute)

    @wraps(execute)
    async def execute_preflight(*positional: Any, **named: Any) -> tuple[int, Document, Any]:
        answer: tuple[int, Document, Any] = await execute(*positional, **named)
        asked = arguments.bind(*positional, **named).arguments
        if asked["method"] != "OPTIONS":
            return answer
        route = api_gateway._match_route(asked["api_id"], "OPTIONS", asked["path"])
        if not route:
            return answer
        integration = api_gateway._integrations[asked["api_id"]][
            route["target"].removeprefix("integrations/")
        ]
        invoke = api_gateway._invoke_lambda_proxy
        passed_on = {name: asked[name] for name in signature(invoke).parameters if name in asked}
        status, answered, content = await invoke(integration, route_key=route["routeKey"], **passed_on)
        allowed = {
            name: text for name, text in answer[1].items() if name.startswith(("Access-Control-", "Vary"))
        }
        return status, {**answered, **allowed}, content

    api_gateway._handle_execute_in_scope = execute_preflight


def with_base_url(application: Application, api_port: int) -> Application:
    """``application``, but with the stack's HTTP API at the root of ``api_port``."""

    async def serve(scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["server"][1] == api_port:
            if scope["path"] == WHO:
                await _say_who(send)
                return
            prefix = f"/_aws/execute-api/{_api_id()}/$default"
            raw_path = scope.get("raw_path") or scope["path"].encode()
            scope = {**scope, "path": prefix + scope["path"], "raw_path": prefix.encode() + raw_path}
        await application(scope, receive, send)

    return serve


async def _say_who(send: Any) -> None:
    run = {"folder": str(ROOT), "process": os.getppid()}
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": json.dumps(run).encode()})


def _api_id() -> str:
    """The HTTP API of the deployed stack: the newest, if there were several."""
    ids = [api_id for (_, _, api_id), _ in api_gateway._apis.all_items()]
    return ids[-1] if ids else "none"
