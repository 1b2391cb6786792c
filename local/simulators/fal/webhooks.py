"""fal's webhooks: signed, retried, at least once."""

import asyncio
import base64
import hashlib
import json
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.clock import NEVER
from local.simulators.deliveries import post
from local.simulators.fal.errors import FalAnswer, Json
from local.simulators.fal.jobs import FalJob
from local.simulators.simulator import Simulator

USER_ID = "simulator-user"
FIRST_TIMEOUT_S, LATER_TIMEOUT_S = 15.0, 120.0
MOST_RETRIES = 31
STALE_S = 600


class FalWebhooks:
    """Tells callers when their requests have ended; the keys live as long as this does."""

    def __init__(self, simulator: Simulator) -> None:
        self._simulator = simulator
        self._key = Ed25519PrivateKey.generate()
        self._next_key = Ed25519PrivateKey.generate()  # a verifier has to try every key
        self._forgers_key = Ed25519PrivateKey.generate()
        self._awaited: list[FalJob] = []

    def routes(self) -> list[Route]:
        """The public keys, for whoever asks."""
        guard = self._simulator.faults.guard
        return [Route("/.well-known/jwks.json", guard("fal.jwks", self._jwks), methods=["GET"])]

    def clear(self) -> None:
        """Forget whose webhooks are awaited."""
        self._awaited.clear()

    def expect(self, job: FalJob) -> None:
        """Deliver the job's end when it comes; call again when that moment has changed."""
        if job.delivery is not None:
            job.delivery.cancel()
        if job.webhook is not None and job.schedule.ends_at < NEVER:
            self._awaited.append(job)
            job.delivery = self._simulator.start(self._deliver(job, job.webhook))

    async def _jwks(self, request: Request) -> Response:
        return JSONResponse({"keys": [_jwk(key) for key in (self._next_key, self._key)]})

    async def _deliver(self, job: FalJob, url: str) -> None:
        """Make the first attempts; who does not take it is tried again, without us."""
        await self._simulator.clock.until(job.schedule.ends_at)
        outcome = await job.outcome()
        settings = self._simulator.settings
        request_id = job.request_id if settings.fal_webhook_about == "own" else self._another(job)
        body = json.dumps(notice(request_id, outcome)).encode()
        delay_s = 0 if settings.fal_webhook_early else settings.fal_webhook_delay_s
        await self._simulator.clock.until(job.schedule.ends_at + timedelta(seconds=delay_s))
        copies = range(settings.fal_webhook_copies)
        taken = await asyncio.gather(*(self._post(url, request_id, body, FIRST_TIMEOUT_S) for _ in copies))
        for _ in range(taken.count(False)):
            self._simulator.start(self._repeat(job, url, request_id, body))

    async def _repeat(self, job: FalJob, url: str, request_id: str, body: bytes) -> None:
        clock, settings = self._simulator.clock, self._simulator.settings
        give_up_at = await job.expires_at(settings)
        pause = timedelta(seconds=settings.fal_webhook_backoff_s)
        for _ in range(MOST_RETRIES):
            if clock.now() + pause >= give_up_at:
                return
            await clock.until(clock.now() + pause)
            if await self._post(url, request_id, body, LATER_TIMEOUT_S):
                return
            pause *= 2

    async def _post(self, url: str, request_id: str, body: bytes, timeout_s: float) -> bool:
        """Post, and return True if that was the end: it was received, or answered with a redirect."""
        status = await post(self._simulator.web, url, body, self._signed(request_id, body), timeout_s)
        return status is not None and status < 400

    def _another(self, job: FalJob) -> str:
        """The newest other request of the same model that a webhook is awaited of, or an unknown one."""
        others = (
            other.request_id
            for other in reversed(self._awaited)
            if other is not job and other.application == job.application
        )
        return next(others, self._simulator.new_id())

    def _signed(self, request_id: str, body: bytes) -> dict[str, str]:
        manner = self._simulator.settings.fal_webhook_signature
        age_s = STALE_S if manner == "stale" else 0
        key = self._forgers_key if manner == "forged" else self._key
        timestamp = str(int(self._simulator.clock.now().timestamp()) - age_s)
        message = "\n".join([request_id, USER_ID, timestamp, hashlib.sha256(body).hexdigest()])
        return {
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": USER_ID,
            "X-Fal-Webhook-Timestamp": timestamp,
            "X-Fal-Webhook-Signature": key.sign(message.encode()).hex(),
        }


def notice(request_id: str, outcome: FalAnswer) -> Json:
    """The body of a webhook."""
    failed = outcome.status >= 400
    return {
        "request_id": request_id,
        "gateway_request_id": request_id,
        "status": "ERROR" if failed else "OK",
        "error": f"Invalid status code: {outcome.status}" if failed else None,
        "payload": outcome.body,
    }


def _jwk(key: Ed25519PrivateKey) -> Json:
    point = base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).rstrip(b"=")
    return {"kty": "OKP", "crv": "Ed25519", "x": point.decode()}
