"""Faults that are armed from outside and then happen to the next calls they match."""

from collections.abc import Awaitable, Callable
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.types import Receive, Scope, Send

from local.simulators.clock import Clock

Handler = Callable[[Request], Awaitable[Response]]

Operation = Literal[
    "fal.submit",
    "fal.status",
    "fal.stream",
    "fal.result",
    "fal.cancel",
    "fal.run",
    "fal.initiate_upload",
    "fal.get_upload_token",
    "fal.upload",
    "fal.media",
    "fal.jwks",
    "fal.list_requests",
    "fal.delete_payloads",
    "fal.get_prices",
    "fal.estimate",
    "fal.get_usage",
    "astria.create_tune",
    "astria.get_tune",
    "astria.list_tunes",
    "astria.change_tune",
    "astria.delete_tune",
    "astria.create_prompt",
    "astria.get_prompt",
    "astria.list_prompts",
    "astria.delete_prompt",
    "astria.get_account",
    "astria.media",
]

CallFault = Literal["reply", "cut", "delay"]
JobFault = Literal[
    "fail", "stuck", "forgotten", "blocked", "fewer", "truncated", "foreign", "overbilled", "inline"
]


OVERBILLED = 100
"""Times the price."""


class Fault(BaseModel):
    """One fault, for the next ``times`` calls of an operation.

    To the call itself: ``reply`` answers ``status`` with ``body`` (an object: JSON, a text: HTML, as
    an ingress does) and ``headers`` (a Location below 400 redirects), ``cut`` breaks the connection,
    ``delay`` answers ``seconds`` late. With ``accepted`` the call takes effect first.
    To the job that a call starts: ``fail`` ends it badly (fal answers ``status`` and ``body`` as its
    result; a tune answers 404 from then on; a prompt has ``body`` as its user_error), ``stuck`` never
    ends it (a call of fal.run: not before its start timeout, or an hour), ``forgotten`` answers 404 for
    it from then on, ``blocked`` has the safety checker black its pictures out, ``fewer`` makes one
    picture less than was ordered (a prompt may have ``body`` as its user_error then, too),
    ``truncated`` makes files that break off in the middle, ``foreign`` trains weights that are no
    LoRA, ``overbilled`` bills a hundred times the price, ``inline`` sends pictures in their addresses,
    as data URIs.
    """

    model_config = ConfigDict(extra="forbid")

    operation: Operation
    kind: CallFault | JobFault
    times: int = Field(default=1, ge=1)
    path: str = Field(default="", description="only calls whose path contains this")
    accepted: bool = False
    status: int = Field(default=500, ge=300, le=599)
    body: dict[str, Any] | str | None = None
    headers: dict[str, str] = {}
    seconds: float = Field(default=0, ge=0)

    def response(self) -> Response:
        """Return the answer of a ``reply``."""
        if isinstance(self.body, str):
            return HTMLResponse(self.body, self.status, self.headers)
        return JSONResponse(self.body or {}, self.status, self.headers)


class Faults:
    """The faults that are armed."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.armed: list[Fault] = []

    def arm(self, fault: Fault) -> None:
        """Add a fault behind those already armed."""
        self.armed.append(fault)

    def for_job(self, request: Request, operation: Operation) -> Fault | None:
        """The fault of the job that this request starts, used up by asking."""
        return self._take(request, operation, get_args(JobFault))

    def guard(self, operation: Operation, handler: Handler) -> Handler:
        """The handler, with whatever is armed for the call itself."""

        async def guarded(request: Request) -> Response:
            fault = self._take(request, operation, get_args(CallFault))
            if fault is None:
                return await handler(request)
            if fault.kind == "delay":
                await self._clock.sleep(fault.seconds)
                return await handler(request)
            if fault.accepted:
                await handler(request)
            return CutConnection() if fault.kind == "cut" else fault.response()

        return guarded

    def _take(self, request: Request, operation: Operation, kinds: tuple[str, ...]) -> Fault | None:
        for fault in self.armed:
            if fault.operation == operation and fault.kind in kinds and fault.path in request.url.path:
                fault.times -= 1
                if fault.times == 0:
                    self.armed.remove(fault)
                return fault
        return None


class CutConnection(Response):
    """Promises a body and stops: the server has no choice but to close the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-length", b"100"), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"{", "more_body": True})
