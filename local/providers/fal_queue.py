"""fal's queue: submit, status, result, cancel."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.providers.clock import NEVER, Schedule, iso
from local.providers.fal_access import BILLABLE_UNITS, REQUEST_ID, authorised
from local.providers.fal_errors import Outcome
from local.providers.fal_models import (
    ENDPOINTS,
    TRAINING,
    FalModels,
    Order,
    application_of,
    parsed,
    training_steps,
)
from local.providers.faults import Handler, Operation
from local.providers.ledger import Call
from local.providers.media import origin_of
from local.providers.stage import Stage

IN_QUEUE, IN_PROGRESS, COMPLETED = "IN_QUEUE", "IN_PROGRESS", "COMPLETED"
LOG_LINES = 50
LOG_WINDOW = 20
STILL_IN_PROGRESS = {"detail": "Request is still in progress"}
NOT_FOUND = {"status": "NOT_FOUND"}
CANCELLED = Outcome(499, {"detail": "Request was cancelled by the client", "error_type": "client_cancelled"})


@dataclass
class Job:
    """One queued request."""

    request_id: str
    endpoint: str
    url: str
    schedule: Schedule
    steps: int | None
    call: Call
    work: asyncio.Task[Outcome]
    forced: Outcome | None = None

    def state(self, now: datetime) -> str:
        """One of fal's three states."""
        if now >= self.schedule.ends_at:
            return COMPLETED
        return IN_PROGRESS if now >= self.schedule.starts_at else IN_QUEUE

    async def outcome(self) -> Outcome:
        """How it ended; waits for the last of the work when the schedule ran ahead of it."""
        return self.forced or await self.work

    def described(self, state: str) -> dict[str, Any]:
        """What submit and status answer in any state, with the URLs to use from here on."""
        return {
            "status": state,
            "request_id": self.request_id,
            "response_url": self.url,
            "status_url": f"{self.url}/status",
            "cancel_url": f"{self.url}/cancel",
            "logs": None,
            "metrics": {},
        }


class FalQueue:
    """The queue's routes and the requests in it."""

    def __init__(self, stage: Stage, models: FalModels) -> None:
        self._stage = stage
        self._models = models
        self._jobs: dict[str, Job] = {}

    def routes(self) -> list[Route]:
        """Submitting takes the whole endpoint id, everything else owner and alias only."""
        request = "/{owner}/{alias}/requests/{request_id}"
        return [
            self._route("/{owner}/{alias}", "POST", "fal.submit", self._submit),
            self._route("/{owner}/{alias}/{subpath}", "POST", "fal.submit", self._submit),
            self._route(request, "GET", "fal.result", self._result),
            self._route(f"{request}/response", "GET", "fal.result", self._result),
            self._route(f"{request}/status", "GET", "fal.status", self._status),
            self._route(f"{request}/cancel", "PUT", "fal.cancel", self._cancel),
            Route("/{owner}/{alias}/{subpath}/requests/{rest:path}", _kept_the_subpath),
        ]

    def clear(self) -> None:
        """Forget all requests."""
        self._jobs.clear()

    def _route(self, path: str, method: str, operation: Operation, handler: Handler) -> Route:
        endpoint = self._stage.faults.guard(operation, authorised(self._stage, handler))
        return Route(path, endpoint, methods=[method])

    async def _submit(self, request: Request) -> Response:
        endpoint = "/".join(
            request.path_params[name] for name in ("owner", "alias", "subpath") if name in request.path_params
        )
        application = application_of(endpoint)
        if application not in map(application_of, ENDPOINTS):
            return JSONResponse({"detail": f"Application '{application}' not found"}, 404)
        fault = self._stage.faults.for_job(request, "fal.submit")
        body = await request.body()
        job = self._start(Order(endpoint, body, origin_of(request), fault), _root(request))
        self._jobs[job.request_id] = job
        return _reply(job, {**job.described(IN_QUEUE), "queue_position": self._ahead_of(job)})

    def _start(self, order: Order, root: str) -> Job:
        settings, now = self._stage.settings, self._stage.clock.now()
        payload = parsed(order.body)
        request_id = self._stage.new_id()
        training = order.endpoint == TRAINING
        stuck = order.fault is not None and order.fault.kind == "stuck"
        work_s = settings.training_s if training else settings.generation_s
        call = Call("fal", order.endpoint, request_id, payload, iso(now))
        return Job(
            request_id=request_id,
            endpoint=order.endpoint,
            url=f"{root}/{application_of(order.endpoint)}/requests/{request_id}",
            schedule=Schedule.after(NEVER if stuck else now, settings.queue_s, work_s),
            steps=training_steps(payload) if training else None,
            call=self._stage.ledger.record(call),
            work=self._stage.start(self._work(order, call)),
        )

    async def _work(self, order: Order, call: Call) -> Outcome:
        outcome = await self._models.run(order)
        call.cost_usd = self._models.cost_usd(order.endpoint, outcome)
        return outcome

    async def _status(self, request: Request) -> Response:
        job = self._find(request)
        if job is None:
            return JSONResponse(NOT_FOUND, 404)
        now = self._stage.clock.now()
        state = job.state(now)
        body = job.described(state)
        if state == IN_QUEUE:
            return _reply(job, {**body, "queue_position": self._ahead_of(job)}, 202)
        if request.query_params.get("logs") in ("1", "true"):
            body["logs"] = training_log(job.schedule, job.steps, now) if job.steps else []
        if state == IN_PROGRESS:
            return _reply(job, body, 202)
        outcome = await job.outcome()
        if outcome.error_type is not None:
            body |= {"error": outcome.body.get("detail"), "error_type": outcome.error_type}
        body["metrics"] = {"inference_time": (job.schedule.ends_at - job.schedule.starts_at).total_seconds()}
        return _reply(job, body)

    async def _result(self, request: Request) -> Response:
        job = self._find(request)
        if job is None:
            return JSONResponse(NOT_FOUND, 404)
        if job.state(self._stage.clock.now()) != COMPLETED:
            return _reply(job, STILL_IN_PROGRESS, 400)
        return answered(await job.outcome(), job.request_id)

    async def _cancel(self, request: Request) -> Response:
        job = self._find(request)
        if job is None:
            return JSONResponse(NOT_FOUND, 404)
        now = self._stage.clock.now()
        state = job.state(now)
        if state == COMPLETED:
            return _reply(job, {"status": "ALREADY_COMPLETED"}, 400)
        if state == IN_QUEUE or self._stage.settings.fal_honours_cancel:
            job.work.cancel()
            job.forced, job.call.cost_usd = CANCELLED, 0
            job.schedule = Schedule(min(now, job.schedule.starts_at), now)
        return _reply(job, {"status": "CANCELLATION_REQUESTED"}, 202)

    def _find(self, request: Request) -> Job | None:
        job = self._jobs.get(request.path_params["request_id"])
        application = f"{request.path_params['owner']}/{request.path_params['alias']}"
        return job if job is not None and application_of(job.endpoint) == application else None

    def _ahead_of(self, job: Job) -> int:
        now = self._stage.clock.now()
        waiting = [other for other in self._jobs.values() if other.state(now) == IN_QUEUE]
        return waiting.index(job) if job in waiting else len(waiting)


def answered(outcome: Outcome, request_id: str) -> Response:
    """A model's outcome as HTTP."""
    headers = {REQUEST_ID: request_id, BILLABLE_UNITS: f"{outcome.billable_units:g}"}
    if outcome.error_type is not None:
        headers["x-fal-error-type"] = outcome.error_type
    return JSONResponse(outcome.body, outcome.status, headers)


def training_log(schedule: Schedule, steps: int, now: datetime) -> list[dict[str, str]]:
    """The most recent lines of a training's log, one for every fiftieth of its steps."""
    duration_s = (schedule.ends_at - schedule.starts_at).total_seconds()
    elapsed_s = min(duration_s, (now - schedule.starts_at).total_seconds())
    lines = LOG_LINES if duration_s == 0 else int(LOG_LINES * elapsed_s / duration_s)
    first = max(0, lines - LOG_WINDOW)
    return [
        {
            "message": f"step {steps * line // LOG_LINES}/{steps}",
            "level": "INFO",
            "source": "USER",
            "timestamp": iso(schedule.starts_at + timedelta(seconds=duration_s * line / LOG_LINES)),
        }
        for line in range(first + 1, lines + 1)
    ]


async def _kept_the_subpath(request: Request) -> Response:
    return JSONResponse({"detail": "Method Not Allowed"}, 405)


def _reply(job: Job, body: dict[str, Any], status: int = 200) -> Response:
    return JSONResponse(body, status, {REQUEST_ID: job.request_id})


def _root(request: Request) -> str:
    return origin_of(request) + str(request.scope["root_path"])
