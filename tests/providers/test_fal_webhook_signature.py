"""Signatures that count as fal's: real keys, a clock and a key set that do what the test says."""

import asyncio
import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from character_identity.domain.errors import InvalidSignature, ProviderUnavailable
from character_identity.providers.fal.webhook_signature import (
    KEPT_FOR,
    MAX_KEYS,
    MOST_APART_S,
    PAUSE,
    FalSignatures,
)
from tests.support.fakes import Clock
from tests.support.http import HERE, scripted_client
from tests.support.simulators import QUEUE, REST, Simulation

JWKS_URL = "https://rest.test/.well-known/jwks.json"
BODY = b'{"request_id":"r1","status":"OK","payload":{"seed": 7}}'
KEY, OTHER_KEY, FOREIGN_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([n] * 32)) for n in (1, 2, 3))


class KeySet:
    """fal's published keys; counts how often it is asked for them."""

    def __init__(self, *keys: Ed25519PrivateKey) -> None:
        self.answer: httpx.Response | Exception = a_key_set(*keys)
        self.asked: list[str] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(str(request.url))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def a_jwk(key: Ed25519PrivateKey, **changes: Any) -> dict[str, Any]:
    point = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=").decode()
    return {"kty": "OKP", "crv": "Ed25519", "x": point, **changes}


def a_key_set(*keys: Ed25519PrivateKey) -> httpx.Response:
    return httpx.Response(200, json={"keys": [a_jwk(key) for key in keys]})


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def key_set() -> KeySet:
    return KeySet(OTHER_KEY, KEY)


@pytest.fixture
def signatures(key_set: KeySet, clock: Clock) -> Iterator[FalSignatures]:
    with scripted_client(key_set) as client:
        yield FalSignatures(client, JWKS_URL, clock)


@pytest.fixture
def sign(clock: Clock) -> Callable[..., dict[str, str]]:
    def sign(
        body: bytes = BODY,
        key: Ed25519PrivateKey = KEY,
        age_s: int = 0,
        request_id: str = "r1",
        user_id: str = "u1",
        timestamp: str | None = None,
    ) -> dict[str, str]:
        timestamp = str(int(clock().timestamp()) - age_s) if timestamp is None else timestamp
        message = "\n".join([request_id, user_id, timestamp, hashlib.sha256(body).hexdigest()])
        return {
            "x-fal-webhook-request-id": request_id,
            "x-fal-webhook-user-id": user_id,
            "x-fal-webhook-timestamp": timestamp,
            "x-fal-webhook-signature": key.sign(message.encode()).hex(),
        }

    return sign


Sign = Callable[..., dict[str, str]]


def test_what_one_of_fals_keys_signed_just_now_is_accepted(
    signatures: FalSignatures, key_set: KeySet, sign: Sign
) -> None:
    signatures.verify(sign(), BODY)
    signatures.verify(sign(key=OTHER_KEY), BODY)
    signatures.verify(sign(b""), b"")
    signatures.verify(sign(b"\xff\x00"), b"\xff\x00")
    assert key_set.asked == [JWKS_URL]


def test_names_of_headers_come_in_any_case(signatures: FalSignatures, sign: Sign) -> None:
    signatures.verify({name.title(): value for name, value in sign().items()}, BODY)
    signatures.verify(
        {name: value.upper() for name, value in sign(request_id="R1", user_id="U1").items()}, BODY
    )


def test_the_request_id_of_the_gateway_may_be_another_one(signatures: FalSignatures, sign: Sign) -> None:
    signatures.verify(sign(request_id="attempt-2"), BODY)


@pytest.mark.parametrize("age_s", [-MOST_APART_S, MOST_APART_S])
def test_the_window_is_five_minutes_to_both_sides(signatures: FalSignatures, sign: Sign, age_s: int) -> None:
    signatures.verify(sign(age_s=age_s), BODY)
    with pytest.raises(InvalidSignature):
        signatures.verify(sign(age_s=age_s + (1 if age_s > 0 else -1)), BODY)


def test_a_replay_is_refused_once_it_is_old(signatures: FalSignatures, sign: Sign, clock: Clock) -> None:
    headers = sign()
    for _ in range(3):
        signatures.verify(headers, BODY)
    clock.pass_by(seconds=MOST_APART_S + 1)
    with pytest.raises(InvalidSignature):
        signatures.verify(headers, BODY)


@pytest.mark.parametrize(
    "changes",
    [
        {"x-fal-webhook-request-id": "r2"},
        {"x-fal-webhook-user-id": "u2"},
        {"x-fal-webhook-signature": "00" * 64},
    ],
)
def test_every_signed_value_counts(signatures: FalSignatures, sign: Sign, changes: dict[str, str]) -> None:
    with pytest.raises(InvalidSignature):
        signatures.verify(sign() | changes, BODY)


def test_another_time_than_the_signed_one_is_refused(signatures: FalSignatures, sign: Sign) -> None:
    newer = sign(age_s=1)["x-fal-webhook-timestamp"]
    with pytest.raises(InvalidSignature):
        signatures.verify(sign() | {"x-fal-webhook-timestamp": newer}, BODY)


@pytest.mark.parametrize("body", [BODY + b" ", BODY.replace(b" ", b""), BODY[:-1], b""])
def test_every_byte_of_the_body_counts(signatures: FalSignatures, sign: Sign, body: bytes) -> None:
    with pytest.raises(InvalidSignature):
        signatures.verify(sign(), body)


def test_a_key_that_fal_does_not_publish_signs_nothing(signatures: FalSignatures, sign: Sign) -> None:
    with pytest.raises(InvalidSignature):
        signatures.verify(sign(key=FOREIGN_KEY), BODY)


@pytest.mark.parametrize(
    "name",
    [
        "x-fal-webhook-request-id",
        "x-fal-webhook-user-id",
        "x-fal-webhook-timestamp",
        "x-fal-webhook-signature",
    ],
)
def test_a_missing_header_is_refused_and_nobody_is_asked(
    signatures: FalSignatures, key_set: KeySet, sign: Sign, name: str
) -> None:
    for headers in (sign() | {name: ""}, {each: value for each, value in sign().items() if each != name}):
        with pytest.raises(InvalidSignature):
            signatures.verify(headers, BODY)
    assert key_set.asked == []


@pytest.mark.parametrize("timestamp", ["", "now", "-1", "1.5e9", "١٧٦٣", "9" * 400, " 1", "0x10"])
def test_a_time_that_is_none_is_refused(
    signatures: FalSignatures, key_set: KeySet, sign: Sign, timestamp: str
) -> None:
    with pytest.raises(InvalidSignature):
        signatures.verify(sign(timestamp=timestamp), BODY)
    assert key_set.asked == []


@pytest.mark.parametrize(
    "signature", ["xyz", "0", "00", "00" * 63, "00" * 65, "é" * 128, "\ud800", "0 " * 64]
)
def test_a_signature_that_is_none_is_refused(signatures: FalSignatures, sign: Sign, signature: str) -> None:
    with pytest.raises(InvalidSignature):
        signatures.verify(sign() | {"x-fal-webhook-signature": signature}, BODY)


def test_odd_characters_are_refused_like_others(signatures: FalSignatures, sign: Sign) -> None:
    for odd in ("\ud800", "é", "\0"):
        with pytest.raises(InvalidSignature):
            signatures.verify(sign() | {"x-fal-webhook-user-id": odd}, BODY)


# the keys


def test_the_keys_are_kept_for_a_day_at_most(
    signatures: FalSignatures, key_set: KeySet, sign: Sign, clock: Clock
) -> None:
    signatures.verify(sign(), BODY)
    clock.time += KEPT_FOR
    signatures.verify(sign(), BODY)
    assert len(key_set.asked) == 1
    clock.pass_by(seconds=1)
    signatures.verify(sign(), BODY)
    assert len(key_set.asked) == 2


def test_a_key_that_is_withdrawn_signs_nothing_after_a_day(
    signatures: FalSignatures, key_set: KeySet, sign: Sign, clock: Clock
) -> None:
    signatures.verify(sign(), BODY)
    key_set.answer = a_key_set(OTHER_KEY)
    clock.time += KEPT_FOR
    clock.pass_by(seconds=1)
    with pytest.raises(InvalidSignature):
        signatures.verify(sign(), BODY)


def test_a_new_key_is_read_at_once(
    signatures: FalSignatures, key_set: KeySet, sign: Sign, clock: Clock
) -> None:
    signatures.verify(sign(), BODY)
    key_set.answer = a_key_set(KEY, FOREIGN_KEY)
    clock.time += PAUSE
    signatures.verify(sign(key=FOREIGN_KEY), BODY)
    assert len(key_set.asked) == 2


def test_forgeries_do_not_make_us_ask_more_than_once_a_minute(
    signatures: FalSignatures, key_set: KeySet, sign: Sign, clock: Clock
) -> None:
    for _ in range(30):
        with pytest.raises(InvalidSignature):
            signatures.verify(sign(key=FOREIGN_KEY), BODY)
        clock.pass_by(seconds=10)
    assert len(key_set.asked) == 5


NO_KEYS = {
    "no answer": httpx.ReadTimeout("late"),
    "no connection": httpx.ConnectError("refused"),
    "500": httpx.Response(500, json={"keys": [a_jwk(KEY)]}),
    "redirect": httpx.Response(302, headers={"location": "https://elsewhere.test/"}),
    "no JSON": httpx.Response(200, text="<html>"),
    "deep": httpx.Response(200, text="[" * 100_000),
    "a list": httpx.Response(200, json=[a_jwk(KEY)]),
    "no list": httpx.Response(200, json={"keys": "none"}),
    "none": httpx.Response(200, json={"keys": []}),
}


@pytest.mark.parametrize("answer", NO_KEYS.values(), ids=NO_KEYS)
def test_without_keys_fal_is_asked_to_try_again(
    signatures: FalSignatures, key_set: KeySet, sign: Sign, clock: Clock, answer: Any
) -> None:
    key_set.answer = answer
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            signatures.verify(sign(), BODY)
    assert len(key_set.asked) == 1
    key_set.answer = a_key_set(KEY)
    clock.time += PAUSE
    signatures.verify(sign(), BODY)


def test_known_keys_are_enough_while_fal_publishes_none(
    signatures: FalSignatures, key_set: KeySet, sign: Sign, clock: Clock
) -> None:
    signatures.verify(sign(), BODY)
    key_set.answer = httpx.ConnectError("refused")
    clock.time += PAUSE
    with pytest.raises(ProviderUnavailable):  # it may be signed with a new key
        signatures.verify(sign(key=FOREIGN_KEY), BODY)
    signatures.verify(sign(), BODY)
    clock.time += KEPT_FOR
    with pytest.raises(ProviderUnavailable):
        signatures.verify(sign(), BODY)


@pytest.mark.parametrize(
    "other",
    [
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA"},
        a_jwk(OTHER_KEY, x="AAAA"),
        a_jwk(OTHER_KEY, x=None),
        a_jwk(OTHER_KEY, x="ключ"),
        a_jwk(OTHER_KEY, crv="Ed448"),
        7,
    ],
    ids=str,
)
def test_keys_of_other_kinds_are_left_out(
    signatures: FalSignatures, key_set: KeySet, sign: Sign, other: Any
) -> None:
    key_set.answer = httpx.Response(200, json={"keys": [other, a_jwk(KEY)]})
    signatures.verify(sign(), BODY)
    with pytest.raises(InvalidSignature):
        signatures.verify(sign(key=OTHER_KEY), BODY)


def test_only_so_many_keys_are_tried(signatures: FalSignatures, key_set: KeySet, sign: Sign) -> None:
    key_set.answer = a_key_set(*([OTHER_KEY] * MAX_KEYS), KEY)
    signatures.verify(sign(key=OTHER_KEY), BODY)
    with pytest.raises(InvalidSignature):
        signatures.verify(sign(), BODY)


# both sides of the contract


@pytest.fixture
def simulator() -> Iterator[Simulation]:
    with asyncio.Runner() as runner:
        yield Simulation(runner, queue_s=1, training_s=10, generation_s=2)


def delivered(simulator: Simulation) -> httpx.Request:
    """A webhook as the simulator for fal sends it."""
    hook = "https://app.test/webhooks/fal?job=generation-g1&token=secret"
    body = {"prompt": "é", "image_size": "square"}
    simulator.fal("POST", f"{QUEUE}/fal-ai/flux/dev", params={"fal_webhook": hook}, json=body)
    simulator.let_pass(60)
    return simulator.web.posts[-1]


def as_published(simulator: Simulation) -> FalSignatures:
    def get(request: httpx.Request) -> httpx.Response:
        answer = simulator.call(request.method, str(request.url))
        return httpx.Response(answer.status_code, content=answer.content)

    client = scripted_client(get, HERE)
    return FalSignatures(client, f"{REST}/.well-known/jwks.json", simulator.clock.now)


def test_what_the_simulator_signs_is_accepted(simulator: Simulation) -> None:
    post = delivered(simulator)
    as_published(simulator).verify(post.headers, post.content)
    with pytest.raises(InvalidSignature):
        as_published(simulator).verify(post.headers, post.content + b"\n")


@pytest.mark.parametrize("manner", ["forged", "stale"])
def test_what_the_simulator_forges_is_not(simulator: Simulation, manner: str) -> None:
    simulator.change(fal_webhook_signature=manner)
    post = delivered(simulator)
    with pytest.raises(InvalidSignature):
        as_published(simulator).verify(post.headers, post.content)
