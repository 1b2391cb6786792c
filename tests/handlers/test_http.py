"""A function behind the API: what it answers when it goes wrong, and what it logs of each request."""

import json
from typing import Any

import pytest

from character_identity import wiring
from character_identity.api.request import Request
from character_identity.api.response import Response, respond
from character_identity.api.routes.compat import ORDER_OF_ASTRIA, SHOW_OF_ASTRIA
from character_identity.api.routes.documents import SHOW_DOCS
from character_identity.api.routes.identities import CREATE_IDENTITY, LIST_PROVIDERS
from character_identity.api.schemas import CreateIdentityRequest, ErrorResponse, ListIdentitiesResponse
from character_identity.domain.errors import InvalidRequest, ProviderUnavailable
from character_identity.handlers.http import endpoint, http_handler
from character_identity.handlers.tasks import LambdaHandler
from character_identity.services.rate_limit import RateLimit
from character_identity.wiring import Services
from tests.support.api_fakes import FakeRequestCounts
from tests.support.fakes import Clock
from tests.support.handlers import Context, api_event


def raising(error: Exception) -> LambdaHandler:
    """The handler of a route that always fails."""

    @endpoint(LIST_PROVIDERS)
    def serve(services: Services, request: Request) -> Response:
        raise error

    return http_handler(serve)


def asked(handler: LambdaHandler, method: str = "GET", path: str = "/v1/providers") -> tuple[Any, Any]:
    """The answer, and what it says in JSON."""
    event = api_event(method, path, owner="ann", request_id="JKJaXmPLvHcESHA=", body="{}")
    answer = handler(event, Context())
    return answer, json.loads(answer["body"])


def test_a_refusal_has_its_status_and_its_code() -> None:
    answer, body = asked(raising(InvalidRequest("No.", code="invalid_month", details=[1])))
    assert answer["statusCode"] == 400
    assert answer["headers"]["Content-Type"] == "application/problem+json"
    assert body == {
        "type": "/docs#invalid_month",
        "title": "Invalid month",
        "status": 400,
        "detail": "No.",
        "code": "invalid_month",
        "message": "No.",
        "details": [1],
    }


def test_a_title_is_spelt_as_people_spell_it() -> None:
    for code, title in (("malformed_json", "Malformed JSON"), ("forbidden_url", "Forbidden URL")):
        assert ErrorResponse.of(400, code, "No.").title == title


def test_a_provider_that_asks_for_time_is_passed_on() -> None:
    answer, _ = asked(raising(ProviderUnavailable("fal", "is busy", retry_after_s=7)))
    assert (answer["statusCode"], answer["headers"]["Retry-After"]) == (503, "7")


def test_a_bug_shows_in_the_log_with_its_request_and_not_in_the_answer(
    caplog: pytest.LogCaptureFixture,
) -> None:
    answer, body = asked(raising(ZeroDivisionError("the secret reason")))
    assert (answer["statusCode"], body["code"]) == (500, "internal_error")
    assert "reason" not in answer["body"]
    (record,) = [each for each in caplog.records if each.message == "unhandled exception"]
    assert record.exc_info
    said = vars(record)
    assert (said["route"], said["request_id"]) == ("GET /v1/providers", "JKJaXmPLvHcESHA=")


def test_every_answer_names_its_request_and_every_request_leaves_a_line(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    for error in (InvalidRequest("No."), ZeroDivisionError()):
        answer, _ = asked(raising(error))
        assert answer["headers"]["X-Request-Id"] == "JKJaXmPLvHcESHA="
        last = vars(caplog.records[-1])
        assert (last["message"], last["status"]) == ("answered", answer["statusCode"])
        assert last["correlation_id"] == "JKJaXmPLvHcESHA="


def test_the_method_chooses_the_endpoint() -> None:
    limit = RateLimit(counts=FakeRequestCounts(), kind="reads", per_minute=60, now=Clock())
    vars(wiring.services())["rate_limits"] = {"reads": limit, "orders": limit}

    @endpoint(ORDER_OF_ASTRIA)
    def order(services: Services, request: Request[Any]) -> Response:
        return Response(200, '"ordered"')

    @endpoint(SHOW_OF_ASTRIA)
    def show(services: Services, request: Request) -> Response:
        return Response(200, '"shown"')

    handler = http_handler(show, order)
    assert asked(handler, "GET", "/api/astria-proxy")[1] == "shown"
    assert asked(handler, "POST", "/api/astria-proxy")[1] == "ordered"


def test_only_what_the_table_says_of_a_route_can_be_answered() -> None:
    request: Request[CreateIdentityRequest] = Request(CREATE_IDENTITY, api_event("POST", "/v1/identities"))
    with pytest.raises(LookupError, match="does not answer 201 with ListIdentitiesResponse"):
        respond(request, ListIdentitiesResponse(identities=[]), status=201)
    with pytest.raises(KeyError):
        respond(request, ListIdentitiesResponse(identities=[]), status=204)


def test_an_open_route_needs_no_owner() -> None:
    @endpoint(SHOW_DOCS)
    def show(services: Services, request: Request) -> Response:
        return Response(200, '"open"')

    answer = http_handler(show)(api_event("GET", "/docs"), Context())
    assert json.loads(answer["body"]) == "open"
