"""fal's queue: submit, status, status stream, result, cancel."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from local.simulators.clock import NEVER, Schedule, iso
from local.simulators.fal.access import REQUEST_ID, answered, authorised
from local.simulators.fal.concurrency import line_up
from local.simulators.fal.errors import FalAnswer, Json, platform_error, start_timeout
from local.simulators.fal.jobs import COMPLETED, IN_QUEUE, FalJob
from local.simulators.fal.kept_jobs import JOBS, document_of, order_of, outcome_of
from local.simulators.fal.models import FalModels
from local.simulators.fal.options import CallOptions
from local.simulators.fal.orders import TRAINING, Order, application_of, is_application, training_steps
from local.simulators.fal.streams import EVENT_STREAM, status_events
from local.simulators.fal.webhooks import FalWebhooks
from local.simulators.faults import OVERBILLED, Handler, Operation
from local.simulators.incoming import parsed, root_of
from local.simulators.ledger import Call
from local.simulators.memory import schedule_of
from local.simulators.simulator import Simulator

STILL_IN_PROGRESS = {"detail": "Request is still in progress"}
NOT_FOUND = {"status": "NOT_FOUND"}
CANCELLED = platform_error(499, "client_cancelled", "Request was cancelled by the client")


class FalQueueSimulator:
    """The queue's routes and the requests in it."""

    def __init__(self, simulator: Simulator, models: FalModels, webhooks: FalWebhooks) -> None:
        self._simulator = simulator
        self._models = models
        self._webhooks = webhooks
        self._memory = simulator.memory
        self._jobs: dict[str, FalJob] = {}
        self.history: list[FalJob] = []
        for request_id, document in self._memory.kept(JOBS).items():
            self._jobs[request_id] = self._remembered(request_id, document)
        self.history.extend(sorted(self._jobs.values(), key=lambda job: job.sent_at))

    def routes(self) -> list[Route]:
        """Submitting takes the whole endpoint id, everything else owner and alias only."""
        request = "/{owner}/{alias}/requests/{request_id}"
        return [
            self._route("/{owner}/{alias}", "POST", "fal.submit", self._submit),
            self._route("/{owner}/{alias}/{subpath}", "POST", "fal.submit", self._submit),
            self._route(request, "GET", "fal.result", self._result),
            self._route(f"{request}/response", "GET", "fal.result", self._result),
            self._route(f"{request}/status", "GET", "fal.status", self._status),
            self._route(f"{request}/status/stream", "GET", "fal.stream", self._stream),
            self._route(f"{request}/cancel", "PUT", "fal.cancel", self._cancel),
            Route("/{owner}/{alias}/{subpath}/requests/{rest:path}", _kept_the_subpath),
        ]

    def clear(self) -> None:
        """Forget all requests."""
        self._jobs.clear()
        self.history.clear()
        self._memory.clear(JOBS)

    def finish(self) -> None:
        """End now what is under way, as it would have ended later."""
        now = self._simulator.clock.now()
        for job in self._jobs.values():
            if job.state(now) != COMPLETED:
                job.alone = job.schedule = job.schedule.ended(now)
                self._keep(job)
                self._webhooks.expect(job)

    def _route(self, path: str, method: str, operation: Operation, handler: Handler) -> Route:
        endpoint = self._simulator.faults.guard(operation, authorised(self._simulator, handler))
        return Route(path, endpoint, methods=[method])

    async def _submit(self, request: Request) -> Response:
        endpoint = "/".join(
            request.path_params[name] for name in ("owner", "alias", "subpath") if name in request.path_params
        )
        application = application_of(endpoint)
        if not is_application(application):
            return JSONResponse({"detail": f"Application '{application}' not found"}, 404)
        options = CallOptions.of(request, strict=self._simulator.settings.strict)
        if options.longest_queue is not None and len(self._waiting(application)) >= options.longest_queue:
            return JSONResponse({"detail": f"The queue of '{application}' is full"}, 429)
        fault = self._simulator.faults.for_job(request, "fal.submit")
        order = Order(endpoint, await request.body(), self._simulator.media_origin(request), options, fault)
        job = self._start(order, root_of(request))
        if fault is None or fault.kind != "forgotten":
            self._jobs[job.request_id] = job
            self._keep(job)
            job.work.add_done_callback(lambda _: self._keep(job))
        self.history.append(job)
        self._webhooks.expect(job)
        if job.delivery is not None and self._simulator.settings.fal_webhook_early:
            await asyncio.shield(job.delivery)
        body = {**job.described(IN_QUEUE), "queue_position": self._ahead_of(job)}
        return _reply(job, body if job.webhook is None else {**body, "gateway_request_id": job.request_id})

    def _start(self, order: Order, root: str) -> FalJob:
        settings, now = self._simulator.settings, self._simulator.clock.now()
        payload, application = parsed(order.body), application_of(order.endpoint)
        request_id = self._simulator.new_id()
        training = order.endpoint == TRAINING
        stuck = order.fault is not None and order.fault.kind == "stuck"
        work_s = settings.training_s if training else settings.generation_s
        early = settings.fal_webhook_early and order.options.webhook is not None and not stuck
        alone = Schedule.after(NEVER if stuck else now, settings.queue_s, work_s)
        call = Call("fal", order.endpoint, request_id, payload, iso(now), headers=order.options.headers)
        job = FalJob(
            request_id=request_id,
            order=order,
            application=application,
            url=f"{root}/{application}/requests/{request_id}",
            sent_at=now,
            alone=alone,
            schedule=Schedule(now, now) if early else Schedule(NEVER, NEVER),
            steps=training_steps(payload) if training else None,
            call=self._simulator.ledger.record(call),
            work=self._simulator.start(self._work(order, call)),
            webhook=order.options.webhook,
        )
        self._line_up(job)
        start_by = order.options.start_by(now)
        if job.schedule.starts_at > start_by:
            job.drop(start_by, start_timeout(wished=True))
        return job

    def _line_up(self, *new: FalJob) -> None:
        """Give places to all that wait, and tell their webhooks when they end now."""
        settings, now = self._simulator.settings, self._simulator.clock.now()
        for job in line_up([*self._jobs.values(), *new], settings.fal_concurrency, now):
            if job not in new:
                self._keep(job)
                self._webhooks.expect(job)

    async def _work(self, order: Order, call: Call) -> FalAnswer:
        outcome = await self._models.run(order)
        if order.suffers("overbilled"):
            outcome = replace(outcome, billable_units=outcome.billable_units * OVERBILLED)
        self._simulator.ledger.charge(call, self._models.cost_usd(order.endpoint, outcome))
        return outcome

    def _keep(self, job: FalJob) -> None:
        """Keep a request as it is now, unless it was forgotten."""
        if self._jobs.get(job.request_id) is job:
            self._memory.keep(JOBS, job.request_id, document_of(job))

    def _remembered(self, request_id: str, document: Json) -> FalJob:
        """A request of an earlier process. Work that it had not ended begins when somebody asks.

        By then the addresses that it needs are there again. Its webhook is lost, as webhooks can be.
        """
        order, outcome = order_of(document), outcome_of(document)
        calls = (call for call in self._simulator.ledger.calls if call.request_id == request_id)
        call = next(calls, Call("fal", order.endpoint, request_id, None, ""))
        asked = asyncio.Event()

        async def work() -> FalAnswer:
            if outcome is not None:
                return outcome
            await asked.wait()
            return await self._work(order, call)

        job = FalJob(
            request_id=request_id,
            order=order,
            application=document["application"],
            url=document["url"],
            sent_at=datetime.fromisoformat(document["sent_at"]),
            alone=schedule_of(document["schedule"]),
            schedule=schedule_of(document["schedule"]),
            steps=document["steps"],
            call=call,
            work=self._simulator.start(work()),
            asked=asked,
        )
        job.work.add_done_callback(lambda _: self._keep(job))
        return job

    async def _status(self, request: Request) -> Response:
        job = await self._find(request)
        if job is None:
            return JSONResponse(NOT_FOUND, 404)
        self._simulator.ledger.count_poll(job.request_id)
        body = await self._shown(job, request)
        return _reply(job, body, 200 if body["status"] == COMPLETED else 202)

    async def _stream(self, request: Request) -> Response:
        job = await self._find(request)
        if job is None:
            return JSONResponse(NOT_FOUND, 404)
        events = status_events(self._simulator.clock, lambda: self._shown(job, request))
        return StreamingResponse(events, media_type=EVENT_STREAM, headers={REQUEST_ID: job.request_id})

    async def _shown(self, job: FalJob, request: Request) -> Json:
        with_logs = request.query_params.get("logs") in ("1", "true")
        return await job.status(self._simulator.clock.now(), ahead=self._ahead_of(job), with_logs=with_logs)

    async def _result(self, request: Request) -> Response:
        job = await self._find(request)
        if job is None:
            return JSONResponse(NOT_FOUND, 404)
        if job.state(self._simulator.clock.now()) != COMPLETED:
            return _reply(job, STILL_IN_PROGRESS, 400)
        return answered(await job.outcome(), job.request_id)

    async def _cancel(self, request: Request) -> Response:
        job = await self._find(request)
        if job is None:
            return JSONResponse(NOT_FOUND, 404)
        settings, now = self._simulator.settings, self._simulator.clock.now()
        state = job.state(now)
        if state == COMPLETED:
            return _reply(job, {"status": "ALREADY_COMPLETED"}, 400)
        is_stopping = job.forced is CANCELLED
        if not is_stopping and (state == IN_QUEUE or settings.fal_honours_cancel):
            job.drop(now + timedelta(seconds=settings.fal_cancel_takes_s), CANCELLED)
            if job.work.done() and not job.work.cancelled():
                self._models.discard(job.work.result())
            self._keep(job)
            self._webhooks.expect(job)
            self._line_up()
        if state == IN_QUEUE and settings.fal_cancel_removes:
            del self._jobs[job.request_id]
            self._memory.forget(JOBS, job.request_id)
            return _reply(job, {"status": "OK"})
        if settings.fal_old_cancel:
            return _reply(job, {"success": True})
        return _reply(job, {"status": "CANCELLATION_REQUESTED"}, 202)

    async def _find(self, request: Request) -> FalJob | None:
        """The job that the path names, unless its result has expired."""
        job = self._jobs.get(request.path_params["request_id"])
        if job is None or job.application != f"{request.path_params['owner']}/{request.path_params['alias']}":
            return None
        job.asked.set()
        now = self._simulator.clock.now()
        ended = job.state(now) == COMPLETED
        return None if ended and now >= await job.expires_at(self._simulator.settings) else job

    def _waiting(self, application: str) -> list[FalJob]:
        now = self._simulator.clock.now()
        jobs = (job for job in self._jobs.values() if job.application == application)
        return [job for job in jobs if job.state(now) == IN_QUEUE]

    def _ahead_of(self, job: FalJob) -> int:
        waiting = self._waiting(job.application)
        return waiting.index(job) if job in waiting else len(waiting)


async def _kept_the_subpath(request: Request) -> Response:
    return JSONResponse({"detail": "Method Not Allowed"}, 405)


def _reply(job: FalJob, body: Json, status: int = 200) -> Response:
    return JSONResponse(body, status, {REQUEST_ID: job.request_id})
