"""Access to fal's API: keys, refusals, and the headers of each answer."""

from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from local.simulators.fal.errors import FalAnswer, platform_error
from local.simulators.fal.options import BadCallOption
from local.simulators.faults import Handler
from local.simulators.simulator import Simulator

REQUEST_ID = "x-fal-request-id"
BILLABLE_UNITS = "x-fal-billable-units"
MALFORMED_KEY = "Invalid Key Authorization header format. Expected '<key_id>:<key_secret>'."
UNKNOWN_KEY = "No user found for Key ID and Secret"
LOCKED = "User is locked. Reason: Exhausted balance. Top up your balance at fal.ai/dashboard/billing."


def authorised(simulator: Simulator, handler: Handler) -> Handler:
    """The handler, for callers with the right key and an account that is not locked."""

    async def checked(request: Request) -> Response:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Key" or ":" not in key:
            return JSONResponse({"detail": MALFORMED_KEY}, 401)
        if key != simulator.settings.fal_key:
            return JSONResponse({"detail": UNKNOWN_KEY}, 401)
        if simulator.settings.fal_locked:
            return JSONResponse({"detail": LOCKED}, 403)
        try:
            return await handler(request)
        except BadCallOption as exc:
            return answered(platform_error(400, "bad_request", str(exc)), simulator.new_id())

    return checked


def answered(outcome: FalAnswer, request_id: str) -> Response:
    """A model's outcome as HTTP."""
    headers = {REQUEST_ID: request_id, BILLABLE_UNITS: f"{outcome.billable_units:g}", **outcome.headers}
    if outcome.error_type is not None:
        headers["x-fal-error-type"] = outcome.error_type
    return JSONResponse(outcome.body, outcome.status, headers)


async def as_detail(request: Request, exc: Any) -> Response:
    """Routing errors (404, 405) as fal words them."""
    return JSONResponse({"detail": exc.detail}, exc.status_code, exc.headers)


class RequestIds:
    """Gives every answer a request id, except the HTML pages of an ingress in trouble."""

    def __init__(self, app: ASGIApp, simulator: Simulator) -> None:
        self._app = app
        self._simulator = simulator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if not headers.get("content-type", "").startswith("text/html"):
                    headers.setdefault(REQUEST_ID, self._simulator.new_id())
            await send(message)

        await self._app(scope, receive, marked)
