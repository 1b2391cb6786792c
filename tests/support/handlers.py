"""Calls handlers as Lambda does: real events in, the reply out, held against the OpenAPI document."""

import json
from dataclasses import dataclass
from importlib import import_module
from typing import Any
from urllib.parse import urlencode

from aws_lambda_powertools.utilities.typing import LambdaContext

from tests.support.openapi import route_of, undescribed


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


class Context(LambdaContext):
    """What powertools reads of a Lambda context."""

    def __init__(self) -> None:
        self._function_name = "f"
        self._memory_limit_in_mb = 512
        self._invoked_function_arn = "arn:aws:lambda:eu-west-1:000000000000:function:f"
        self._aws_request_id = "r"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 120_000


class Api:
    """Calls a handler by its folder's name with an API Gateway event (payload format 2.0)."""

    def __init__(self, bucket: Any) -> None:
        self.bucket = bucket

    def __call__(
        self,
        name: str,
        method: str,
        path: str,
        body: Any = None,
        owner: str = "ann",
        text: str | None = None,
        query: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        content = text if text is not None else (None if body is None else json.dumps(body))
        event = {
            "version": "2.0",
            "routeKey": f"{method} {path}",
            "rawPath": path,
            "rawQueryString": urlencode(query or {}),
            "queryStringParameters": query or {},
            "headers": {"content-type": "application/json"}
            | {n.lower(): v for n, v in (headers or {}).items()},
            "requestContext": {
                "accountId": "000000000000",
                "apiId": "api",
                "authorizer": {"lambda": {"owner": owner}},
                "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
                "requestId": "r",
                "routeKey": f"{method} {path}",
                "stage": "$default",
                "timeEpoch": 0,
            },
            "body": content,
            "isBase64Encoded": False,
        }
        answer = import_module(f"functions.{name}.handler").lambda_handler(event, Context())
        result = Answer(answer["statusCode"], json.loads(answer["body"]), answer.get("headers", {}))
        try:
            route = route_of(method, path)
        except LookupError:  # a method that the route does not take
            return result
        assert undescribed(route, result.status, result.headers, result.body) == []
        return result

    def uploaded(self, content: bytes, owner: str = "ann") -> str:
        """The key of a picture that ``owner`` uploaded with a ticket."""
        file = {"name": "a.jpg", "contentType": "image/jpeg", "sizeBytes": max(1, len(content))}
        ticket = self("create_references", "POST", "/v1/references", {"files": [file]}, owner)
        key = str(ticket.body["uploads"][0]["key"])
        self.bucket.put_object(Key=key, Body=content)
        return key


def run_task(name: str, state: dict[str, Any]) -> dict[str, Any]:
    """Call a state machine's task."""
    answer: dict[str, Any] = import_module(f"functions.{name}.handler").lambda_handler(state, Context())
    return answer
