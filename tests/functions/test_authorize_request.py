"""Real tokens of a real issuer, through the authorizer and on to what costs money."""

from collections.abc import Iterator
from importlib import import_module
from typing import Any

import jwt
import pytest

from character_identity.auth.jwks import KeysUnavailable
from functions.authorize_request import handler
from local.issuer import AUDIENCE, Issuer
from tests.support.handlers import Context, api_event

PAID = [
    ("create_identity", "POST", "/v1/identities"),
    ("create_evaluation", "POST", "/v1/evaluations"),
    ("create_generation", "POST", "/v1/identities/i1/generations"),
    ("proxy_fal_instant", "POST", "/api/fal-instant-character-proxy"),
    ("proxy_fal_lora_train", "POST", "/api/fal-lora-training-proxy"),
    ("proxy_fal_lora_generate", "POST", "/api/fal-lora-inference-proxy"),
    ("proxy_astria_create_tune", "POST", "/api/astria/tunes"),
    ("proxy_astria_create_prompt", "POST", "/api/astria/tunes/i1/prompts"),
    ("proxy_astria", "POST", "/api/astria-proxy"),
]


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[Issuer]:
    issuer = Issuer()
    for name, value in {
        "JWT_ISSUER": issuer.url,
        "JWT_AUDIENCE": AUDIENCE,
        "JWKS_URL": issuer.jwks_url,
        "ALLOW_ANONYMOUS": "false",
    }.items():
        monkeypatch.setenv(name, value)
    _forget()
    yield issuer
    _forget()
    issuer.close()


def _forget() -> None:
    handler.settings.cache_clear()
    handler.verifier.cache_clear()


def _authorized(token: str | None) -> dict[str, Any]:
    headers = None if token is None else {"authorization": f"Bearer {token}"}
    return handler.lambda_handler({"headers": headers, "requestContext": {"requestId": "r"}}, Context())


def _anonymous(issuer: Issuer) -> str:
    claims = jwt.decode(issuer.token("ann"), options={"verify_signature": False})
    return jwt.encode({**claims, "is_anonymous": True}, issuer._key, "ES256", {"kid": "local"})


def test_the_answer_is_a_simple_response(issuer: Issuer) -> None:
    nobody = {"isAuthorized": False, "context": {"owner": ""}}
    assert _authorized(issuer.token("ann")) == {
        "isAuthorized": True,
        "context": {"owner": "ann", "mayOrder": True},
    }
    assert _authorized("bad") == nobody
    assert _authorized(None) == nobody


def test_why_nobody_can_be_recognised_is_logged_under_the_request(
    issuer: Issuer, caplog: pytest.LogCaptureFixture
) -> None:
    token = issuer.token("ann")
    issuer.close()
    with pytest.raises(KeysUnavailable):
        _authorized(token)
    [line] = [vars(each) for each in caplog.records if each.levelname == "ERROR"]
    assert (line["correlation_id"], line["request_id"]) == ("r", "r")


def test_an_anonymous_sign_in_may_look_and_may_order_only_where_that_is_allowed(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = _anonymous(issuer)
    assert _authorized(token) == {"isAuthorized": True, "context": {"owner": "ann", "mayOrder": False}}
    monkeypatch.setenv("ALLOW_ANONYMOUS", "true")
    _forget()
    assert _authorized(token)["context"]["mayOrder"] is True


@pytest.mark.parametrize(("name", "method", "path"), PAID)
def test_what_costs_money_refuses_an_anonymous_sign_in(
    issuer: Issuer, name: str, method: str, path: str
) -> None:
    context = _authorized(_anonymous(issuer))["context"]
    event = api_event(method, path, body="{}", owner=context["owner"], may_order=context["mayOrder"])
    answer = import_module(f"functions.{name}.handler").lambda_handler(event, Context())
    assert answer["statusCode"] == 403
    assert '"anonymous_caller"' in answer["body"]
    assert "sign in with an account" in answer["body"]


def test_all_that_spends_is_refused() -> None:
    from character_identity.api.routes.table import ROUTES

    assert {route.function for route in ROUTES if route.is_paid} == {name for name, _, _ in PAID}
