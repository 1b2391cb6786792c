"""Calls handlers as Lambda does: real events in, the reply out, held against the OpenAPI document."""

import json
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from tests.support.openapi import path_parameters, route_of, undescribed


@dataclass
class Answer:
    status: int
    body: Any
    headers: dict[str, str]


class Context:
    """What handlers read of a Lambda context."""

    memory_limit_in_mb = "3008"

    @staticmethod
    def get_remaining_time_in_millis() -> int:
        return 120_000


def api_event(
    method: str,
    path: str,
    *,
    body: str | None = None,
    in_base64: bool = False,
    owner: str | None = None,
    may_order: bool = True,
    query: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    request_id: str = "r",
) -> dict[str, Any]:
    """A call as API Gateway hands it on (payload format 2.0), without an owner to an open route."""
    route = _route_of(method, path)
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "queryStringParameters": query or {},
        "pathParameters": path_parameters(path),
        "headers": {"content-type": "application/json"} | {n.lower(): v for n, v in (headers or {}).items()},
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "api",
            **({} if owner is None else {"authorizer": {"lambda": {"owner": owner, "mayOrder": may_order}}}),
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1", "sourceIp": "127.0.0.1"},
            "requestId": request_id,
            "routeKey": route,
            "stage": "$default",
            "timeEpoch": 0,
        },
        "body": body,
        "isBase64Encoded": in_base64,
    }


def _route_of(method: str, path: str) -> str:
    try:
        return route_of(method, path)
    except LookupError:
        return "$default"


def answer_of(reply: dict[str, Any]) -> Answer:
    """What a function behind the API replied, its JSON read."""
    body = json.loads(reply["body"]) if reply["body"] else None
    return Answer(reply["statusCode"], body, reply["headers"])


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
        event = api_event(method, path, body=content, owner=owner, query=query, headers=headers)
        result = answer_of(import_module(f"functions.{name}.handler").lambda_handler(event, Context()))
        kept = result.headers["Cache-Control"]
        assert kept == "no-store", "it may hold links, secrets or personal data"
        assert undescribed(route_of(method, path), result.status, result.headers, result.body) == []
        return result

    def uploaded(self, content: bytes, owner: str = "ann") -> str:
        """The key of a picture that ``owner`` uploaded with a ticket."""
        return self.all_uploaded([content], owner)[0]

    def all_uploaded(self, contents: list[bytes], owner: str = "ann") -> list[str]:
        """The keys of pictures that ``owner`` uploaded with tickets that were asked for at once."""
        files = [
            {"name": "a.jpg", "contentType": "image/jpeg", "sizeBytes": max(1, len(each))}
            for each in contents
        ]
        tickets = self("create_references", "POST", "/v1/references", {"files": files}, owner)
        keys = [str(each["key"]) for each in tickets.body["uploads"]]
        for key, content in zip(keys, contents, strict=True):
            self.bucket.meta.client.put_object(Bucket=self.bucket.name, Key=key, Body=content)
        return keys


def run_task(name: str, state: dict[str, Any]) -> dict[str, Any]:
    """Call a state machine's task."""
    answer: dict[str, Any] = import_module(f"functions.{name}.handler").lambda_handler(state, Context())
    return answer


def queued(*events: dict[str, Any]) -> dict[str, Any]:
    """What a function gets that takes EventBridge's events from a queue; messages are ``m0``, ``m1``, ...

    https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html, read 2026-11-28.
    """
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
                "body": json.dumps(event),
                "attributes": {"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183"},
                "messageAttributes": {},
                "md5OfBody": "e4e68fb7bd0e697a0ae8f1bb342846b3",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:000000000000:queue",
                "awsRegion": "eu-west-1",
            }
            for number, event in enumerate(events)
        ]
    }
