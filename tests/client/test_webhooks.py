"""A receiver believes webhooks of the service, and those of the standard's own library, and no others."""

import json
from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest
import standardwebhooks

from character_identity.domain.event import Event, EventType
from character_identity.domain.webhook import secret_of, signed_headers
from character_identity_client.events import IdentityReady
from character_identity_client.webhooks import NotGenuine, verify, verify_signature
from tests.support.builders import NOON, an_identity
from tests.support.openapi import described

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SENT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
# The vector of libraries/python/tests/test_webhooks.py in standard-webhooks, read 2026-11-23.
GENUINE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
HEADERS = {
    "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "webhook-timestamp": "1614265330",
    "webhook-signature": GENUINE,
}
FORGED = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="


def test_what_the_standards_own_library_signed_is_genuine() -> None:
    verify_signature(SECRET, HEADERS, BODY, SENT)


def test_what_the_service_signed_is_genuine() -> None:
    secret, event = secret_of(bytes(range(32))), Event.of_identity(an_identity(settled_at=NOON))
    body = json.dumps(event.message).encode()
    headers = signed_headers(secret, event.event_id, SENT, body)
    told = verify(secret, headers, body, SENT + timedelta(seconds=2))
    assert told == IdentityReady(
        id=event.event_id,
        type="IdentityReady",
        timestamp=NOON,
        data=event.data,
        character_id="i1",
        status="ready",
    )
    with pytest.raises(NotGenuine):
        verify(secret_of(bytes(32)), headers, body, SENT)


def test_the_secret_may_come_without_its_prefix_and_names_of_headers_in_capitals() -> None:
    capitals = {name.title(): value for name, value in HEADERS.items()}
    verify_signature(SECRET.removeprefix("whsec_"), capitals, BODY, SENT)


@pytest.mark.parametrize(
    "signatures",
    [
        f"{FORGED} {GENUINE}",
        f"{GENUINE} {FORGED}",
        f"{FORGED} {FORGED.replace('v1', 'v2')} {GENUINE} {FORGED}",
        f"v1a,hnO3f9T8Ytu9 v1,not-base64 nonsense  v1,é {GENUINE}",
    ],
)
def test_any_of_several_signatures_will_do(signatures: str) -> None:
    verify_signature(SECRET, HEADERS | {"webhook-signature": signatures}, BODY, SENT)


@pytest.mark.parametrize(
    "signature",
    [
        FORGED,
        GENUINE.replace("OE=", "OA="),
        GENUINE.replace("v1,", "v2,"),
        GENUINE.removeprefix("v1,"),
        GENUINE.replace(",", ", "),
        "v1,",
        "v1",
        "",
        "v1,é",
    ],
)
def test_any_other_signature_is_refused(signature: str) -> None:
    with pytest.raises(NotGenuine):
        verify_signature(SECRET, HEADERS | {"webhook-signature": signature}, BODY, SENT)


@pytest.mark.parametrize("missing", sorted(HEADERS))
def test_a_missing_header_is_named(missing: str) -> None:
    headers = {name: value for name, value in HEADERS.items() if name != missing}
    with pytest.raises(NotGenuine, match=missing):
        verify_signature(SECRET, headers, BODY, SENT)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("webhook-id", "msg_other"),
        ("webhook-id", HEADERS["webhook-id"] + "\udcff"),  # aiohttp, of a byte that is no UTF-8
        ("webhook-timestamp", "1614265331"),
        ("webhook-timestamp", HEADERS["webhook-timestamp"] + "\udcff"),
        ("webhook-signature", GENUINE + "\udcff"),
    ],
)
def test_a_changed_header_is_refused(name: str, value: str) -> None:
    with pytest.raises(NotGenuine):
        verify_signature(SECRET, HEADERS | {name: value}, BODY, SENT)


def test_a_changed_body_is_refused() -> None:
    with pytest.raises(NotGenuine):
        verify_signature(SECRET, HEADERS, BODY + b" ", SENT)


@pytest.mark.parametrize("seconds", [-300, 0, 300])
def test_five_minutes_either_way_are_allowed(seconds: int) -> None:
    verify_signature(SECRET, HEADERS, BODY, SENT + timedelta(seconds=seconds))


@pytest.mark.parametrize("seconds", [-301, 301, 86_400])
def test_an_old_or_future_attempt_is_refused(seconds: int) -> None:
    with pytest.raises(NotGenuine):
        verify_signature(SECRET, HEADERS, BODY, SENT + timedelta(seconds=seconds))


@pytest.mark.parametrize("timestamp", ["hello", "", "1614265330.0", "-1614265330", "١٦١٤٢٦٥٣٣٠", "9" * 400])
def test_a_time_that_is_no_number_is_refused(timestamp: str) -> None:
    with pytest.raises(NotGenuine):
        verify_signature(SECRET, HEADERS | {"webhook-timestamp": timestamp}, BODY, SENT)


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_not base64!"])
def test_a_secret_that_is_none_is_a_mistake_of_the_receiver(secret: str) -> None:
    with pytest.raises(ValueError):
        verify_signature(secret, HEADERS, BODY, SENT)


KEY = secret_of(b"a key of at least 24 bytes")


def posted(kind: str, at: datetime) -> tuple[dict[str, str], bytes]:
    """An event as it is described, as we post it."""
    content = described()["webhooks"][kind]["post"]["requestBody"]["content"]["application/json"]
    body = json.dumps(content["example"]).encode()
    return signed_headers(KEY, "evt_1", at, body), body


@pytest.mark.parametrize("kind", get_args(EventType))
def test_every_event_is_verified_by_ours_and_by_the_library_of_the_standard(kind: str) -> None:
    now = datetime.now(UTC)  # the library has no other clock
    headers, body = posted(kind, now)
    told = verify(KEY, headers, body, now)
    assert (type(told).__name__, told.type, told.id) == (kind, kind, json.loads(body)["id"])
    assert standardwebhooks.Webhook(KEY).verify(body, headers)["type"] == kind


@pytest.mark.parametrize(
    ("secret", "minutes", "end"),
    [(KEY, 0, b" "), (KEY, -6, b""), (KEY, 6, b""), (secret_of(b"another key of 24 bytes."), 0, b"")],
    ids=["tampered", "old", "from the future", "another secret"],
)
def test_what_is_not_genuine_is_refused_by_both(secret: str, minutes: int, end: bytes) -> None:
    now = datetime.now(UTC)
    headers, body = posted("IdentityReady", now + timedelta(minutes=minutes))
    with pytest.raises(NotGenuine):
        verify(secret, headers, body + end, now)
    with pytest.raises(standardwebhooks.WebhookVerificationError):
        standardwebhooks.Webhook(secret).verify(body + end, headers)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"[]",
        b"{}",
        b'{"id": "e", "type": "IdentityReady", "timestamp": "now", "data": {}}',
    ],
)
def test_what_is_signed_and_tells_no_event_is_refused(body: bytes) -> None:
    with pytest.raises(NotGenuine, match="tells no event"):
        verify(KEY, signed_headers(KEY, "evt_1", SENT, body), body, SENT)


def test_while_a_secret_is_replaced_each_of_both_fits() -> None:
    new = secret_of(b"the key that comes next.")
    now = datetime.now(UTC)
    headers, body = posted("ImageScored", now)
    newer = signed_headers(new, headers["webhook-id"], now, body)["webhook-signature"]
    headers["webhook-signature"] = f"{newer} {headers['webhook-signature']}"
    for secret in (KEY, new, [new, KEY]):
        assert verify(secret, headers, body, now).type == "ImageScored"
    for each in (KEY, new):
        assert standardwebhooks.Webhook(each).verify(body, headers)["type"] == "ImageScored"
