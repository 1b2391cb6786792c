"""Lambda authorizer of every route: a bearer JWT of the configured issuer, or 401/403.

What costs money asks whether its caller may order, which anonymous sign-ins may only where that was allowed.
"""

from functools import cache
from typing import Any

from character_identity.auth.tokens import TokenVerifier, bearer_of
from character_identity.config import AuthSettings, environment
from character_identity.observability import log_keys


@cache
def settings() -> AuthSettings:
    return AuthSettings.from_env(environment())


@cache
def verifier() -> TokenVerifier:
    return TokenVerifier.from_settings(settings())


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    request_id = event["requestContext"]["requestId"]
    with log_keys(correlation_id=request_id, request_id=request_id):  # as the function that is called then
        caller = verifier().caller_of(bearer_of(event.get("headers") or {}))
    if caller is None:
        return {"isAuthorized": False, "context": {"owner": ""}}
    may_order = settings().allow_anonymous or not caller.is_anonymous
    return {"isAuthorized": True, "context": {"owner": caller.owner, "mayOrder": may_order}}
