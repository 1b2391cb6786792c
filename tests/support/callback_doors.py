"""The doors at which providers call back: real handlers, fal's signature, one job behind them."""

import base64
import hashlib
import json
from importlib import import_module
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from character_identity import wiring
from character_identity.aws.ledger_table import accepting
from character_identity.domain.job import ProviderJob
from character_identity.providers.fal.webhook_signature import FalSignatures
from tests.support.builders import DEADLINE, NO_LIMIT, NOON, a_job
from tests.support.fakes import Clock, FakeWorkflows
from tests.support.handlers import Answer, Context, api_event
from tests.support.http import scripted_client

KEY, FOREIGN_KEY = (Ed25519PrivateKey.from_private_bytes(bytes([n] * 32)) for n in (1, 2))
NOTICE = {"request_id": "r1", "gateway_request_id": "r2", "status": "OK", "payload": {"private": "words"}}
TUNE = {"tune": {"id": 77, "title": "private words"}}
ASTRIA = "/webhooks/astria/training-i1.secret"
LIMIT = 100_000_000
GARBAGE = {"nothing": b"", "no JSON": b"<html>", "list": b"[]", "deep": b"[" * 50_000, "number": b"9" * 5000}


class CallbackDoors:
    """The doors for providers, one job behind them, and the machine that may wait for it."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.workflows = FakeWorkflows()
        self.key_set: httpx.Response = httpx.Response(200, json={"keys": [jwk(KEY)]})
        self.asked = 0
        client = scripted_client(self._publish)
        services = wiring.services()
        services.fal_signatures = FalSignatures(client, "https://rest.test/jwks", self.clock)
        services.state_machines = self.workflows  # moto runs no machines
        self.ledger = services.ledger

    def order(self, job: ProviderJob | None = None, **changes: Any) -> None:
        """A job that was just sent to its provider, which did not answer yet."""
        job = job or a_job(**changes)
        wiring.services().table.transact(accepting(job, LIMIT, NO_LIMIT))
        self.ledger.intend(job.job_id, NOON, DEADLINE)

    def job(self, job_id: str = "training-i1") -> ProviderJob:
        job = self.ledger.get(job_id)
        assert job is not None
        return job

    def fal(
        self,
        content: Any = NOTICE,
        *,
        body: bytes | None = None,
        job: str = "training-i1",
        token: str = "secret",
        headers: dict[str, str] | None = None,
        in_base64: bool = False,
        method: str = "POST",
    ) -> Answer:
        body = json.dumps(content).encode() if body is None else body
        headers = self.signed(body) if headers is None else headers
        query = {"job": job, "token": token}
        return send("receive_fal_callback", method, "/webhooks/fal", body, headers, query, in_base64)

    def astria(
        self,
        content: Any = TUNE,
        *,
        body: bytes | None = None,
        path: str = ASTRIA,
        in_base64: bool = False,
        method: str = "POST",
    ) -> Answer:
        body = json.dumps(content).encode() if body is None else body
        return send("receive_astria_callback", method, path, body, {}, {}, in_base64)

    def signed(self, body: bytes, key: Ed25519PrivateKey = KEY, age_s: int = 0) -> dict[str, str]:
        timestamp = str(int(self.clock().timestamp()) - age_s)
        message = "\n".join(["r2", "u1", timestamp, hashlib.sha256(body).hexdigest()])
        return {
            "x-fal-webhook-request-id": "r2",
            "x-fal-webhook-user-id": "u1",
            "x-fal-webhook-timestamp": timestamp,
            "x-fal-webhook-signature": key.sign(message.encode()).hex(),
        }

    def _publish(self, request: httpx.Request) -> httpx.Response:
        self.asked += 1
        return self.key_set


def jwk(key: Ed25519PrivateKey) -> dict[str, str]:
    point = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=")
    return {"kty": "OKP", "crv": "Ed25519", "x": point.decode()}


def send(
    name: str,
    method: str,
    path: str,
    body: bytes,
    headers: dict[str, str],
    query: dict[str, str],
    in_base64: bool,
) -> Answer:
    content = base64.b64encode(body).decode() if in_base64 else body.decode()
    event = api_event(method, path, body=content, in_base64=in_base64, query=query, headers=headers)
    answer = import_module(f"functions.{name}.handler").lambda_handler(event, Context())
    return Answer(answer["statusCode"], json.loads(answer["body"]), answer.get("headers", {}))


def wait_for_callback(wake_token: str) -> None:
    """What the state machine does when it begins to wait for the training."""
    event = {"wake_token": wake_token, "state": {"job_id": "training-i1", "state": "training"}}
    import_module("functions.wait_for_callback.handler").lambda_handler(event, Context())
