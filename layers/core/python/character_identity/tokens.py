"""Bearer tokens: who is calling, or nobody."""

from collections.abc import Mapping

import jwt

from character_identity.config import Settings

ALGORITHMS = ["ES256", "RS256"]
"""Supabase signs with either; https://supabase.com/docs/guides/auth/signing-keys, read 2026-11-22."""
CLOCK_SKEW_S = 30
JWKS_KEPT_FOR_S = 600


class TokenVerifier:
    """Verifies signature, expiry, issuer and audience against the issuer's published keys."""

    def __init__(self, keys: jwt.PyJWKClient, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    @classmethod
    def from_settings(cls, settings: Settings) -> "TokenVerifier":
        """The verifier that a deployment is configured for."""
        keys = jwt.PyJWKClient(settings["JWKS_URL"], lifespan=JWKS_KEPT_FOR_S, timeout=5)
        return cls(keys, settings["JWT_ISSUER"], settings["JWT_AUDIENCE"])

    def owner_of(self, token: str | None) -> str | None:
        """The token's ``sub``, or None when the token is not good.

        Raises:
            jwt.PyJWKClientConnectionError: the issuer's keys cannot be read; nobody can be told apart then.
        """
        if token is None:
            return None
        try:
            claims = jwt.decode(
                token,
                self._keys.get_signing_key_from_jwt(token),
                algorithms=ALGORITHMS,
                audience=self._audience,
                issuer=self._issuer,
                leeway=CLOCK_SKEW_S,
                options={"require": ["exp", "sub"]},
            )
        except jwt.PyJWKClientConnectionError:
            raise
        except jwt.PyJWTError:
            return None
        return str(claims["sub"]) or None


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """The token of an ``Authorization: Bearer`` header; header names come in any case."""
    for name, value in headers.items():
        if name.lower() == "authorization":
            scheme, _, token = value.partition(" ")
            return token.strip() if scheme.lower() == "bearer" and token.strip() else None
    return None
