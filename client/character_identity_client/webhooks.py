"""For receivers of our webhooks: tells whether one is genuine, by the rules of Standard Webhooks.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md, version 1.0.0,
read 2026-11-23. Needs nothing but the standard library, and may be copied with ``events``.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import datetime

from character_identity_client.events import WebhookEvent, event_of


class NotGenuine(Exception):
    """Nobody should act on this webhook; the text says why, in a sentence for the log."""


def verify(
    secret: str | Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    tolerance_s: int = 300,
) -> WebhookEvent:
    """The event that a webhook tells, as a class of its type, after signature and age were checked.

    ``secret`` is the one that was shown when the address was registered, or several, of which one must fit;
    ``body`` is the request's bytes as they came. Answer 2xx within 15 seconds, and remember the ``id`` of the
    event, which stays the same over all attempts: it may come again.

    Raises:
        NotGenuine: somebody else sent it, it was changed on the way, it was sent more than ``tolerance_s``
            seconds from now, or it is no event.
        ValueError: the secret is none.
    """
    verify_signature(secret, headers, body, now, tolerance_s)
    try:
        return event_of(body)
    except ValueError as exc:
        raise NotGenuine(f"It is signed, but tells no event: {exc}") from exc


def verify_signature(
    secret: str | Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
    tolerance_s: int = 300,
) -> None:
    """Check signature and age of a body that somebody else reads; takes and raises what ``verify`` does."""
    received = {name.lower(): value for name, value in headers.items()}
    try:
        message_id = received["webhook-id"]
        timestamp = received["webhook-timestamp"]
        signatures = received["webhook-signature"]
    except KeyError as exc:
        raise NotGenuine(f"The header {exc.args[0]} is missing.") from exc
    _check_age(timestamp, now, tolerance_s)
    # A server may read bytes of a header that are no UTF-8 as halves of characters, which are none either.
    content = b".".join((message_id.encode(errors="surrogatepass"), timestamp.encode(), body))
    secrets = [secret] if isinstance(secret, str) else secret
    expected = [hmac.digest(_key(each), content, hashlib.sha256) for each in secrets]
    if not any(_matches(signature, each) for signature in signatures.split(" ") for each in expected):
        raise NotGenuine("No signature is that of this secret.")


def _check_age(timestamp: str, now: datetime, tolerance_s: int) -> None:
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise NotGenuine("The time of the attempt is no number.")
    if abs(now.timestamp() - int(timestamp)) > tolerance_s:
        raise NotGenuine("The attempt was made too long ago, or lies in the future.")


def _matches(signature: str, expected: bytes) -> bool:
    """Return True if one of several signatures is ours; those of other versions do not count."""
    version, _, encoded = signature.partition(",")
    if version != "v1":
        return False
    try:
        return hmac.compare_digest(base64.b64decode(encoded, validate=True), expected)
    except (binascii.Error, ValueError):
        return False


def _key(secret: str) -> bytes:
    key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    if not key:
        raise ValueError("The secret is empty.")
    return key
