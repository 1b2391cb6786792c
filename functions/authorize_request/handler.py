"""Lambda authorizer of every route: a bearer JWT of the configured issuer, or 401/403."""

from functools import cache
from typing import Any

from character_identity.auth.tokens import TokenVerifier, bearer_of
from character_identity.config import AuthSettings, environment


@cache
def verifier() -> TokenVerifier:
    return TokenVerifier.from_settings(AuthSettings.from_env(environment()))


def lambda_handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    owner = verifier().owner_of(bearer_of(event.get("headers") or {}))
    return {"isAuthorized": owner is not None, "context": {"owner": owner or ""}}
