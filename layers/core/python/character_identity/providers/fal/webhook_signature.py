"""Tells whether fal signed a webhook.

https://fal.ai/docs/documentation/model-apis/inference/webhooks, read 2026-11-22.
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import httpx
from cryptography.exceptions import InvalidSignature as NotSignedByThisKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from character_identity.domain.errors import InvalidSignature, ProviderUnavailable
from character_identity.outbound.documents import UNREADABLE, read_json
from character_identity.ports.gateways import Now

JWKS_PATH = "/.well-known/jwks.json"
TIMEOUT_S = 5
"""fal's first attempt at a webhook ends after 15 s."""
SIGNED_VALUES = ("x-fal-webhook-request-id", "x-fal-webhook-user-id", "x-fal-webhook-timestamp")
SIGNATURE = "x-fal-webhook-signature"
MOST_APART_S = 300
KEPT_FOR = timedelta(hours=24)
"""The longest that fal allows."""
PAUSE = timedelta(minutes=1)
"""Between two requests for the keys: what is forged makes nobody ask more often."""
MAX_KEYS = 20
MAX_KEY_SET_BYTES = 256 * 1024


class FalSignatures:
    """Checks signatures with the keys that fal publishes, which are kept for as long as it allows."""

    def __init__(self, client: httpx.Client, jwks_url: str, now: Now) -> None:
        self._client = client
        self._jwks_url = jwks_url
        self._now = now
        self._keys: list[Ed25519PublicKey] = []
        self._read_at: datetime | None = None
        self._asked_at: datetime | None = None

    def verify(self, headers: Mapping[str, str], body: bytes) -> None:
        """Accept a webhook that fal has signed just now; ``body`` is what was sent, byte by byte.

        The request id among the signed values need not be the one that the body names: a request that fal had
        to try again has another one at its gateway.

        Raises:
            InvalidSignature: it is forged, or old, or signed with a key that fal does not publish.
            ProviderUnavailable: fal's keys cannot be read.
        """
        sent = {name.lower(): value for name, value in headers.items()}
        values = [sent.get(name, "") for name in SIGNED_VALUES]
        signature = _signature(sent.get(SIGNATURE, ""))
        if signature is None or not all(values) or not self._is_recent(values[-1]):
            raise InvalidSignature("This was not signed by fal, or too long ago.")
        message = "\n".join([*values, hashlib.sha256(body).hexdigest()]).encode(errors="replace")
        if self._read_at is None or self._now() - self._read_at > KEPT_FOR:
            self._read_keys()
        if self._is_signed(message, signature):
            return
        if self._may_ask():  # the key may be a new one
            self._read_keys()
            if self._is_signed(message, signature):
                return
        raise InvalidSignature("This was not signed by fal, or too long ago.")

    def _is_recent(self, timestamp: str) -> bool:
        if not (timestamp.isascii() and timestamp.isdecimal() and len(timestamp) < 15):
            return False
        return abs(self._now().timestamp() - int(timestamp)) <= MOST_APART_S

    def _is_signed(self, message: bytes, signature: bytes) -> bool:
        return any(_signed_by(key, message, signature) for key in self._keys)

    def _may_ask(self) -> bool:
        return self._asked_at is None or self._now() - self._asked_at >= PAUSE

    def _read_keys(self) -> None:
        if not self._may_ask():
            raise ProviderUnavailable("fal", "its keys could not be read a moment ago")
        self._asked_at = self._now()
        try:
            document = read_json(self._client, self._jwks_url, MAX_KEY_SET_BYTES)
        except UNREADABLE as exc:
            raise ProviderUnavailable("fal", f"its keys cannot be read ({type(exc).__name__})") from exc
        keys = _keys(document)
        if not keys:
            raise ProviderUnavailable("fal", "publishes no keys that could sign a webhook")
        self._keys, self._read_at = keys, self._asked_at


def _signature(text: str) -> bytes | None:
    try:
        return bytes.fromhex(text) or None
    except ValueError:
        return None


def _signed_by(key: Ed25519PublicKey, message: bytes, signature: bytes) -> bool:
    try:
        key.verify(signature, message)
    except NotSignedByThisKey:
        return False
    return True


def _keys(document: Any) -> list[Ed25519PublicKey]:
    """The keys of a JWKS that can sign a webhook; others are left out."""
    published = document.get("keys") if isinstance(document, dict) else None
    keys = [_key(each) for each in published[:MAX_KEYS]] if isinstance(published, list) else []
    return [key for key in keys if key is not None]


def _key(published: Any) -> Ed25519PublicKey | None:
    """RFC 8037, section 2: ``x`` is the public key in Base64url, without padding."""
    if not isinstance(published, dict) or published.get("crv") != "Ed25519":
        return None
    try:
        return Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(f"{published.get('x')}=="))
    except ValueError:
        return None
