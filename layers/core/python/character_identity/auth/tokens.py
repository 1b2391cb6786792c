"""Bearer tokens: who is calling, or nobody."""

import json
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from jwt.types import Options

from character_identity.auth.jwks import MINIMUM_BITS, IssuerKeys, read_document
from character_identity.config import AuthSettings

CLOCK_SKEW_S = 30
LONGEST_TOKEN = 8 * 1024
"""API Gateway takes headers of 10 KiB in all (its quotas, read 2026-11-23)."""
LONGEST_SUBJECT = 255
"""ASCII characters: OpenID Connect Core 1.0, section 2."""
CHECKS: Options = {
    "require": ["exp", "sub"],
    "verify_exp": False,
    "verify_nbf": False,
    "verify_iat": False,
}
"""The times are compared here, by a clock that tests can set."""


@dataclass(frozen=True)
class Caller:
    """Who is calling: the token's ``sub``, and whether it belongs to somebody who only opened a page."""

    owner: str
    is_anonymous: bool


class TokenVerifier:
    """Verifies signature, times, issuer, audience, subject and claims by the issuer's published keys.

    ``required_claims`` are texts ``name=value``; a claim that is a list must have the value in it.
    """

    def __init__(
        self,
        keys: IssuerKeys,
        *,
        issuer: str,
        audience: str,
        required_claims: Sequence[str] = (),
        now: Callable[[], float] = time.time,
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience
        self._required = [claim.split("=", 1) for claim in required_claims]
        self._now = now

    @classmethod
    def from_settings(cls, settings: AuthSettings) -> "TokenVerifier":
        """The verifier that a deployment is configured for."""
        keys = IssuerKeys(lambda: read_document(settings.jwks_url))
        return cls(
            keys,
            issuer=settings.jwt_issuer,
            audience=settings.jwt_audience,
            required_claims=settings.required_claims,
        )

    def caller_of(self, token: str | None) -> Caller | None:
        """Return who the token was issued to, or None when the token is not good.

        Raises:
            KeysUnavailable: the issuer's keys cannot be read; nobody can be told apart then.
        """
        if token is None or len(token) > LONGEST_TOKEN or not token.isascii():
            return None
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            return None
        algorithm = str(header.get("alg"))
        if algorithm not in MINIMUM_BITS:
            return None
        for key in self._keys.matching(algorithm, header.get("kid")):
            claims = self._claims(token, key)
            if claims is not None:
                owner = self._subject(claims) if self._has_required(claims) else None
                return None if owner is None else Caller(owner, _is_anonymous(claims))
        return None

    def _claims(self, token: str, key: jwt.PyJWK) -> dict[str, Any] | None:
        """Return the claims of a token that the key signed for us; the key settles the algorithm."""
        try:
            return jwt.decode(
                token,
                key,
                algorithms=[key.algorithm_name],
                audience=self._audience,
                issuer=self._issuer,
                options=CHECKS,
            )
        except (jwt.PyJWTError, RecursionError):
            return None

    def _has_required(self, claims: Mapping[str, Any]) -> bool:
        return all(wanted in _texts(claims.get(name)) for name, wanted in self._required)

    def _subject(self, claims: Mapping[str, Any]) -> str | None:
        now, subject = self._now(), str(claims["sub"])
        ends, starts = claims["exp"], (claims[name] for name in ("nbf", "iat") if name in claims)
        in_time = _is_time(ends) and now < ends + CLOCK_SKEW_S
        begun = all(_is_time(start) and start <= now + CLOCK_SKEW_S for start in starts)
        speakable = subject.strip() and subject.isascii() and subject.isprintable()
        return subject if in_time and begun and speakable and len(subject) <= LONGEST_SUBJECT else None


def bearer_of(headers: Mapping[str, str]) -> str | None:
    """The token of an ``Authorization: Bearer`` header; header names come in any case."""
    for name, value in headers.items():
        if name.lower() == "authorization":
            scheme, _, token = value.partition(" ")
            return token.strip() if scheme.lower() == "bearer" and token.strip() else None
    return None


def _is_anonymous(claims: Mapping[str, Any]) -> bool:
    """True if an issuer says that nobody signed in: Supabase with a flag, Firebase with the provider's name.

    https://supabase.com/docs/guides/auth/auth-anonymous and
    https://firebase.google.com/docs/reference/node/firebase.FirebaseIdToken, read 2026-11-28. A flag that is
    neither false nor left out counts as set.
    """
    firebase = claims.get("firebase")
    provider = firebase.get("sign_in_provider") if isinstance(firebase, dict) else None
    flag = claims.get("is_anonymous")
    return "anonymous" in (claims.get("provider_id"), provider) or not (flag is None or flag is False)


def _texts(claim: Any) -> list[str]:
    """Return what a claim says, as text: of a list each entry, and ``true`` or ``false`` as JSON has them."""
    said = claim if isinstance(claim, list) else [claim]
    return [each if isinstance(each, str) else json.dumps(each) for each in said]


def _is_time(value: Any) -> bool:
    """Return True if a claim is seconds since 1970: RFC 7519, section 2, NumericDate."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_whole or (isinstance(value, float) and math.isfinite(value))
