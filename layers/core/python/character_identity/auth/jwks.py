"""The public keys of whoever issues our callers' tokens."""

import logging
import time
from collections.abc import Callable
from typing import Any

import jwt

from character_identity.config import is_loopback

MINIMUM_BITS = {"ES256": 256, "RS256": 2048}
"""The algorithms that we take, with the smallest key: RFC 7518, sections 3.3 and 3.4.

Supabase signs with either; https://supabase.com/docs/guides/auth/signing-keys, read 2026-11-22.
"""
ALGORITHMS = {("EC", "P-256"): "ES256", ("RSA", "None"): "RS256"}
"""By the ``kty`` and ``crv`` of a key: it is the key that settles the algorithm, not the token."""
FRESH_FOR_S = 600
"""Time before the keys are read again; a key that its issuer withdraws works so much longer."""
TRUSTED_FOR_S = 3600
"""Time for which they serve while the issuer cannot be reached.

Tokens of Supabase live an hour (its recommended setting, 2026-11-22), so after longer than that few callers
have one that is still good; and a key that was withdrawn because it was stolen must not work for long.
"""
REFRESH_INTERVAL_S = 10
"""Between two requests of one process, whatever came of the first: tokens may name any key they like."""
TIMEOUT_S = 3
"""For the whole document, to its last byte: so long a caller waits once while known keys serve."""
MAX_BYTES = 256 * 1024
MAX_KEYS = 20
UNREADABLE = (OSError, ValueError, RecursionError)
"""Errors of reading: no connection, no answer in time, no key set."""

logger = logging.getLogger(__name__)


class KeysUnavailable(Exception):
    """The issuer's keys cannot be read, and the ones that we have are too old, if there are any."""


class IssuerKeys:
    """The issuer's keys, kept for a while; read again, not too often, when a token names one that is new."""

    def __init__(self, read: Callable[[], Any], now: Callable[[], float] = time.time) -> None:
        self._read = read
        self._now = now
        self._keys: list[jwt.PyJWK] = []
        self._read_at = self._tried_at = float("-inf")

    def matching(self, algorithm: str, key_id: str | None) -> list[jwt.PyJWK]:
        """The keys for that algorithm that may have signed a token; all of them if it names none.

        Raises:
            KeysUnavailable: nobody can tell.
        """
        if self._age_s() >= FRESH_FOR_S:
            self._refresh()
        if self._age_s() >= TRUSTED_FOR_S:
            raise KeysUnavailable("The keys of the issuer cannot be read; the log says why.")
        found = self._find(algorithm, key_id)
        if not found and self._refresh():
            found = self._find(algorithm, key_id)
        return found

    def _age_s(self) -> float:
        return self._now() - self._read_at

    def _find(self, algorithm: str, key_id: str | None) -> list[jwt.PyJWK]:
        return [
            key
            for key in self._keys
            if key.algorithm_name == algorithm and (key_id is None or key.key_id in (None, key_id))
        ]

    def _refresh(self) -> bool:
        """Read the keys unless that was tried a moment ago; whether there are new ones."""
        if self._now() - self._tried_at < REFRESH_INTERVAL_S:
            return False
        self._tried_at = self._now()
        try:
            keys = usable_keys(self._read())
        except UNREADABLE:
            logger.exception("the keys of the issuer cannot be read")
            return False
        self._keys, self._read_at = keys, self._tried_at
        return True


def read_document(url: str) -> Any:
    """The JSON at an address that whoever deploys has chosen: public and https, or on this machine.

    Raises:
        ValueError: there is none; no redirect is followed.
    """
    from character_identity.outbound.client import open_client
    from character_identity.outbound.documents import UNREADABLE as UNREADABLE_DOCUMENT
    from character_identity.outbound.documents import read_json
    from character_identity.outbound.guard import UrlGuard

    guard = UrlGuard(allow_loopback=is_loopback(url))
    try:
        with open_client(guard, TIMEOUT_S) as client:
            return read_json(client, url, MAX_BYTES)
    except UNREADABLE_DOCUMENT as exc:
        raise ValueError(f"There is no key set at {url}: {exc}") from exc


def usable_keys(document: Any) -> list[jwt.PyJWK]:
    """The keys of a JWKS that can verify tokens; one that is broken or for something else is left out.

    Raises:
        ValueError: there is none.
    """
    published = document.get("keys") if isinstance(document, dict) else None
    keys = [_key(each) for each in published[:MAX_KEYS]] if isinstance(published, list) else []
    usable = [key for key in keys if key is not None]
    if not usable:
        raise ValueError("The issuer publishes no key for ES256 or RS256.")
    return usable


def _key(published: Any) -> jwt.PyJWK | None:
    if not isinstance(published, dict) or published.get("use", "sig") != "sig" or "d" in published:
        return None
    algorithm = ALGORITHMS.get((str(published.get("kty")), str(published.get("crv"))))
    if algorithm is None or published.get("alg", algorithm) != algorithm:
        return None
    try:
        key = jwt.PyJWK(published, algorithm)
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return key if key.key.key_size >= MINIMUM_BITS[algorithm] else None
