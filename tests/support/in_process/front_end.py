"""The film platform's front end inside a harness: our modules, whose calls reach the handlers there."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from character_identity.api.routes.table import ROUTES
from character_identity_client import ProxySession, configure
from tests.support.in_process.harness import Harness, key_in
from tests.support.in_process.patches import is_store
from tests.support.openapi import route_of

FUNCTIONS = {route.key: route.function for route in ROUTES}
API = "https://api.test"
GATEWAY_LIMIT_S = 30
"""API Gateway answers 504 after it; https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html,
read 2026-11-28."""


class Handlers(httpx.BaseTransport):
    """Answers a front end's requests by the handlers of a harness, and links to objects by its bucket."""

    def __init__(self, harness: Harness) -> None:
        self._harness = harness

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if is_store(request.url.host):
            return httpx.Response(200, content=self._harness.stored(key_in(request.url)))
        began = self._harness.now()
        answer = self._harness.call(
            FUNCTIONS[route_of(request.method, request.url.path)],
            request.method,
            request.url.path,
            text=request.read().decode() or None,
            query=dict(request.url.params),
        )
        assert (self._harness.now() - began).total_seconds() < GATEWAY_LIMIT_S
        return httpx.Response(answer.status, headers=answer.headers, content=json.dumps(answer.body))


@contextmanager
def front_end(harness: Harness) -> Iterator[ProxySession]:
    """Have the service modules speak to a harness: what they wait for goes on meanwhile."""
    with ProxySession(
        API, "a-token", transport=Handlers(harness), now=harness.now, sleep=harness.let_pass
    ) as session:
        configure(session)
        try:
            yield session
        finally:
            configure(None)
