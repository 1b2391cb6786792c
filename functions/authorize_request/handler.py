"""Lambda authorizer of every route: a bearer JWT of the configured issuer, or 401/403."""

from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from character_identity.auth.tokens import TokenVerifier, bearer_of
from character_identity.config import AuthSettings, environment

logger = Logger()


@cache
def verifier() -> TokenVerifier:
    return TokenVerifier.from_settings(AuthSettings.from_env(environment()))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    owner = verifier().owner_of(bearer_of(event.get("headers") or {}))
    return {"isAuthorized": owner is not None, "context": {"owner": owner or ""}}
