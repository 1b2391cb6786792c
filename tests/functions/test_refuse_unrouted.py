"""What no route takes: a wrong method, a wrong address, and preflights."""

from typing import Any

import pytest

from character_identity.api.route import Route
from character_identity.api.routes.table import ROUTES
from functions.refuse_unrouted.handler import lambda_handler
from tests.support.handlers import Answer, Context, answer_of, api_event
from tests.support.openapi import undescribed

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PURGE")

OPEN = {"/", "/health", "/openapi.json", "/docs"}
"""What anybody may get, and so ask the head of."""


def call(method: str, path: str) -> Answer:
    return answer_of(lambda_handler(api_event(method, path), Context()))


def path_of(route: Route[Any]) -> str:
    return route.path.replace("{", "").replace("}", "")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.key)
def test_a_method_that_an_address_does_not_take_is_told_those_that_it_takes(route: Route[Any]) -> None:
    allowed = {each.method for each in ROUTES if each.path == route.path}
    for method in METHODS:
        if method in allowed or (method == "HEAD" and route.path in OPEN):
            continue
        answer = call(method, path_of(route))
        assert (answer.status, answer.body["code"]) == (405, "method_not_allowed")
        assert set(answer.headers["Allow"].split(", ")) >= allowed
        assert undescribed(route.key, answer.status, answer.headers, answer.body) == []


@pytest.mark.parametrize(
    "path",
    (
        *("", "//", "/v1", "/v1/nothing", "/v1/identities/", "/v1//identities", "/v1/Identities", "/.env"),
        *("/api/nothing", "/openapi.json/", "/openapi_json", "/v2/identities", "/v1/identities/a/b"),
    ),
)
@pytest.mark.parametrize("method", ["GET", "POST", "BREW"])
def test_an_address_that_is_none_is_unknown(method: str, path: str) -> None:
    answer = call(method, path)
    assert (answer.status, answer.body["code"]) == (404, "unknown_route")
    assert ("error" in answer.body) == path.startswith("/api/"), "each client reads errors of its own form"
    described = "POST /api/astria-proxy" if path.startswith("/api/") else "GET /v1/providers"
    assert undescribed(described, answer.status, answer.headers, answer.body) == []


def test_an_address_of_two_routes_takes_the_methods_of_both() -> None:
    assert call("PUT", "/v1/identities/estimate").headers["Allow"] == "POST, GET, PATCH, DELETE"


def test_a_sentence_says_which_method_to_use() -> None:
    assert call("GET", "/api/fal-instant-character-proxy").body["error"] == "Method not allowed. Use POST."
    assert call("DELETE", "/api/astria-proxy").body["error"] == "Method not allowed. Use POST or GET."


@pytest.mark.parametrize("path", sorted(OPEN))
def test_a_monitor_may_ask_the_head_of_what_takes_no_token(path: str) -> None:
    answer = lambda_handler(api_event("HEAD", path), Context())
    assert (answer["statusCode"], answer["body"]) == (200, "")


@pytest.mark.parametrize("path", ["/v1/identities", "/v1/nothing"])
def test_a_preflight_passes_so_that_a_page_can_read_what_follows(path: str) -> None:
    answer = lambda_handler(api_event("OPTIONS", path), Context())
    assert (answer["statusCode"], answer["body"]) == (204, "")


def test_who_asks_can_be_answered_about_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    answer = call("GET", "/v1/nothing")
    assert (answer.headers["X-Request-Id"], answer.headers["Cache-Control"]) == ("r", "no-store")
    said = vars(caplog.records[-1])
    assert (said["message"], said["status"], said["request_id"]) == ("answered", 404, "r")
