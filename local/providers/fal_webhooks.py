"""fal's webhooks: signed, retried, at least once."""

import base64
import hashlib
import json
from datetime import timedelta

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.providers.clock import NEVER
from local.providers.deliveries import post
from local.providers.fal_errors import Json, Outcome
from local.providers.fal_jobs import Job
from local.providers.stage import Stage

USER_ID = "stand-in-user"
FIRST_TIMEOUT_S, LATER_TIMEOUT_S = 15.0, 120.0
MOST_RETRIES = 31


class FalWebhooks:
    """Tells callers when their requests have ended; the keys live as long as this does."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._key = Ed25519PrivateKey.generate()
        self._next_key = Ed25519PrivateKey.generate()  # a verifier has to try every key

    def routes(self) -> list[Route]:
        """The public keys, for whoever asks."""
        guard = self._stage.faults.guard
        return [Route("/.well-known/jwks.json", guard("fal.jwks", self._jwks), methods=["GET"])]

    def expect(self, job: Job) -> None:
        """Deliver the job's end when it comes; call again when that moment has changed."""
        if job.delivery is not None:
            job.delivery.cancel()
        if job.webhook is not None and job.schedule.ends_at < NEVER:
            job.delivery = self._stage.start(self._deliver(job, job.webhook))

    async def _jwks(self, request: Request) -> Response:
        return JSONResponse({"keys": [_jwk(key) for key in (self._next_key, self._key)]})

    async def _deliver(self, job: Job, url: str) -> None:
        await self._stage.clock.until(job.schedule.ends_at)
        body = json.dumps(notice(job.request_id, await job.outcome())).encode()
        settings = self._stage.settings
        await self._stage.clock.until(job.schedule.ends_at + timedelta(seconds=settings.fal_webhook_delay_s))
        for _ in range(settings.fal_webhook_copies):
            self._stage.start(self._post(job, url, body))

    async def _post(self, job: Job, url: str, body: bytes) -> None:
        clock, settings = self._stage.clock, self._stage.settings
        give_up_at = await job.expires_at(settings)
        pause = timedelta(seconds=settings.fal_webhook_backoff_s)
        timeout_s = FIRST_TIMEOUT_S
        for _ in range(1 + MOST_RETRIES):
            status = await post(self._stage.web, url, body, self._signed(job.request_id, body), timeout_s)
            if status is not None and status < 400:  # received; a redirect is an end, too
                return
            if clock.now() + pause >= give_up_at:
                return
            await clock.until(clock.now() + pause)
            pause, timeout_s = 2 * pause, LATER_TIMEOUT_S

    def _signed(self, request_id: str, body: bytes) -> dict[str, str]:
        timestamp = str(int(self._stage.clock.now().timestamp()))
        message = "\n".join([request_id, USER_ID, timestamp, hashlib.sha256(body).hexdigest()])
        return {
            "X-Fal-Webhook-Request-Id": request_id,
            "X-Fal-Webhook-User-Id": USER_ID,
            "X-Fal-Webhook-Timestamp": timestamp,
            "X-Fal-Webhook-Signature": self._key.sign(message.encode()).hex(),
        }


def notice(request_id: str, outcome: Outcome) -> Json:
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
