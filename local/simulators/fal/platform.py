"""fal's Platform API: the account's requests, their deletion, prices and usage.

https://fal.ai/docs/platform-apis/v1/models, read 2026-11-28. What it does not say is played as
docs/contracts.md tells.
"""

import base64
from collections import defaultdict
from datetime import UTC, datetime, timedelta

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.clock import iso
from local.simulators.fal.errors import FalAnswer, Json
from local.simulators.fal.jobs import COMPLETED, IN_QUEUE, FalJob
from local.simulators.fal.models import FalModels
from local.simulators.fal.orders import TRAINING
from local.simulators.fal.queue import FalQueueSimulator
from local.simulators.faults import Handler, Operation
from local.simulators.incoming import parsed
from local.simulators.media import MediaStore
from local.simulators.simulator import Simulator

DEFAULT_PAGE, LARGEST_PAGE, MOST_ENDPOINTS = 50, 100, 50
DEFAULT_WINDOW, WIDE_WINDOW = timedelta(hours=24), timedelta(days=90)
ANSWERS_KEPT = timedelta(minutes=10)
STATUSES = {"success": range(200, 300), "user_error": range(400, 500), "error": range(500, 600)}
LIST_PARAMETERS = {
    *("endpoint_id", "start", "end", "status", "request_id"),
    *("expand", "sort_by", "limit", "cursor"),
}


class _Refused(Exception):
    """A request that is not answered with what it asks for."""

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(message)
        self.answer = JSONResponse({"error": {"type": kind, "message": message}}, status)


class FalPlatformSimulator:
    """The account's own door; what deletes and what bills takes the admin key."""

    def __init__(
        self, simulator: Simulator, queue: FalQueueSimulator, models: FalModels, media: MediaStore
    ) -> None:
        self._simulator = simulator
        self._queue = queue
        self._models = models
        self._media = media
        self._deleted: set[str] = set()
        self._answers: dict[str, tuple[datetime, Json]] = {}

    def routes(self) -> list[Route]:
        """All calls, below /v1 of the real host."""
        payloads = "/models/requests/{request_id}/payloads"
        return [
            self._route("/models/requests/by-endpoint", "GET", "fal.list_requests", self._list),
            self._route(payloads, "DELETE", "fal.delete_payloads", self._delete, admin=True),
            self._route("/models/pricing", "GET", "fal.get_prices", self._prices),
            self._route("/models/pricing/estimate", "POST", "fal.estimate", self._estimate),
            self._route("/models/usage", "GET", "fal.get_usage", self._usage, admin=True),
        ]

    def clear(self) -> None:
        """Forget what was deleted, and with which answers."""
        self._deleted.clear()
        self._answers.clear()

    def _route(
        self, path: str, method: str, operation: Operation, handler: Handler, *, admin: bool = False
    ) -> Route:
        async def checked(request: Request) -> Response:
            try:
                self._authorise(request, admin=admin)
                return await handler(request)
            except _Refused as refusal:
                return refusal.answer

        return Route(path, self._simulator.faults.guard(operation, checked), methods=[method])

    def _authorise(self, request: Request, *, admin: bool) -> None:
        """An admin key may do what a user's key may."""
        settings = self._simulator.settings
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme != "Key" or key not in (settings.fal_key, settings.fal_admin_key):
            raise _Refused(401, "authorization_error", "Authentication required")
        if key != settings.fal_admin_key and (admin or not settings.fal_key_reads_platform):
            raise _Refused(403, "authorization_error", "This key may not do that")

    # requests

    async def _list(self, request: Request) -> Response:
        asked = request.query_params
        if self._simulator.settings.strict and not set(asked) <= LIST_PARAMETERS:
            raise _Refused(422, "validation_error", f"Unknown: {sorted(set(asked) - LIST_PARAMETERS)}")
        limit = _integer(asked.get("limit"), DEFAULT_PAGE, 1, LARGEST_PAGE)
        page = _page(asked.get("cursor"))
        items = [
            await self._shown(job, with_payloads=asked.get("expand") == "payloads")
            for job in await self._found(request)
        ]
        first, next_first = (page - 1) * limit, page * limit
        has_more = next_first < len(items)
        return JSONResponse(
            {
                "items": items[first:next_first],
                "next_cursor": base64.b64encode(str(page + 1).encode()).decode() if has_more else None,
                "has_more": has_more,
            }
        )

    async def _found(self, request: Request) -> list[FalJob]:
        """Return what the filters let through, the latest first."""
        asked, now, settings = request.query_params, self._simulator.clock.now(), self._simulator.settings
        request_id, endpoints = asked.get("request_id"), _endpoints(request)
        start = _moment(asked.get("start"), now - (WIDE_WINDOW if request_id else DEFAULT_WINDOW))
        end = _moment(asked.get("end"), now + timedelta(seconds=1))
        lag = timedelta(seconds=settings.fal_list_lag_s)
        found = []
        for job in self._queue.history:
            has_ended = job.state(now) == COMPLETED
            if not has_ended and not settings.fal_lists_unfinished:
                continue
            at = job.schedule.ends_at if has_ended else job.sent_at
            listed = (
                job.call.endpoint in endpoints
                and request_id in (None, job.request_id)
                and start <= at < end
                and at + lag <= now
            )
            if listed and await self._has_status(job, asked.get("status"), has_ended=has_ended):
                found.append((at, job))
        return [job for _, job in sorted(found, key=lambda each: each[0], reverse=True)]

    async def _has_status(self, job: FalJob, status: str | None, *, has_ended: bool) -> bool:
        if status is None:
            return True
        if status not in STATUSES:
            raise _Refused(422, "validation_error", f"status is one of {sorted(STATUSES)}")
        return has_ended and (await job.outcome()).status in STATUSES[status]

    async def _shown(self, job: FalJob, *, with_payloads: bool) -> Json:
        state = job.state(self._simulator.clock.now())
        item: Json = {
            "request_id": job.request_id,
            "endpoint_id": job.call.endpoint,
            "sent_at": iso(job.sent_at),
            "started_at": iso(job.sent_at if state == IN_QUEUE else job.schedule.starts_at),
        }
        outcome = await job.outcome() if state == COMPLETED else None
        if outcome is not None:
            duration = job.schedule.ends_at - job.schedule.starts_at
            item |= {
                "ended_at": iso(job.schedule.ends_at),
                "status_code": outcome.status,
                "duration": duration.total_seconds(),
            }
        if with_payloads and self._keeps_payloads(job):
            item |= {"json_input": job.call.input}
            item |= {} if outcome is None else {"json_output": outcome.body}
        return item

    def _keeps_payloads(self, job: FalJob) -> bool:
        wished = job.call.headers.get("x-fal-store-io") != "0"
        return wished and self._simulator.settings.fal_stores_io and job.request_id not in self._deleted

    async def _delete(self, request: Request) -> Response:
        key, now = request.headers.get("idempotency-key"), self._simulator.clock.now()
        known = None if key is None else self._answers.get(key)
        if known is not None and now - known[0] < ANSWERS_KEPT:
            return JSONResponse(known[1])
        request_id = request.path_params["request_id"]
        job = next((job for job in self._queue.history if job.request_id == request_id), None)
        if job is None or job.state(now) != COMPLETED:
            raise _Refused(404, "not_found", f"Request '{request_id}' not found")
        results = [self._removed(url) for url in self._output_files(job, await job.outcome())]
        self._deleted.add(request_id)
        answer = {"cdn_delete_results": results}
        if key is not None:
            self._answers[key] = (now, answer)
        return JSONResponse(answer)

    def _output_files(self, job: FalJob, outcome: FalAnswer) -> list[str]:
        """Return what the stored output links to; without it nobody knows."""
        return outcome.links if self._keeps_payloads(job) else []

    def _removed(self, url: str) -> Json:
        if self._simulator.settings.fal_keeps_cdn_files:
            return {"link": url, "exception": "The file could not be deleted"}
        self._media.remove(url)
        return {"link": url, "exception": None}

    # money

    async def _prices(self, request: Request) -> Response:
        prices = [
            {"endpoint_id": name, "unit_price": self._price_usd(name), "unit": _unit(name), "currency": "USD"}
            for name in _endpoints(request)
        ]
        return JSONResponse({"prices": prices, "next_cursor": None, "has_more": False})

    def _price_usd(self, endpoint: str) -> float:
        """By the list, or as the account has it."""
        known = self._models.prices_usd | self._simulator.settings.fal_prices_usd
        if endpoint not in known:
            raise _Refused(404, "not_found", f"Endpoint '{endpoint}' not found")
        return known[endpoint]

    async def _estimate(self, request: Request) -> Response:
        asked = parsed(await request.body())
        kind = asked.get("estimate_type") if isinstance(asked, dict) else None
        quantity = {"unit_price": "unit_quantity", "historical_api_price": "call_quantity"}.get(str(kind))
        endpoints = asked.get("endpoints") if isinstance(asked, dict) else None
        if quantity is None or not isinstance(endpoints, dict):
            raise _Refused(422, "validation_error", "estimate_type and endpoints are required")
        try:
            total_usd = sum(self._price_usd(name) * each[quantity] for name, each in endpoints.items())
        except (KeyError, TypeError) as exc:
            raise _Refused(422, "validation_error", f"{quantity} is required") from exc
        return JSONResponse({"estimate_type": kind, "total_cost": round(total_usd, 6), "currency": "USD"})

    async def _usage(self, request: Request) -> Response:
        """Return what was billed for each endpoint in the time asked for, in one sum."""
        asked, now = request.query_params, self._simulator.clock.now()
        start = _moment(asked.get("start"), now - DEFAULT_WINDOW)
        end = _moment(asked.get("end"), now + timedelta(seconds=1))
        wanted = set(_endpoints(request)) if "endpoint_id" in asked else set(self._models.prices_usd)
        costs_usd: dict[str, float] = defaultdict(float)
        for job in self._queue.history:
            if job.call.endpoint in wanted and start <= job.schedule.ends_at < end:
                costs_usd[job.call.endpoint] += job.call.cost_usd or 0
        summary = [
            {
                "endpoint_id": name,
                "unit": _unit(name),
                "quantity": round(cost_usd / self._price_usd(name), 6),
                "unit_price": self._price_usd(name),
                "cost_total": round(cost_usd, 6),
                "currency": "USD",
            }
            for name, cost_usd in costs_usd.items()
        ]
        return JSONResponse({"summary": summary, "next_cursor": None, "has_more": False})


def _unit(endpoint: str) -> str:
    return "units" if endpoint == TRAINING else "megapixels"


def _endpoints(request: Request) -> list[str]:
    """Repeated, or separated by commas."""
    given = [name for text in request.query_params.getlist("endpoint_id") for name in text.split(",") if name]
    if not 1 <= len(given) <= MOST_ENDPOINTS:
        raise _Refused(422, "validation_error", f"endpoint_id: 1 to {MOST_ENDPOINTS} are to be given")
    return given


def _integer(text: str | None, default: int, least: int, most: int) -> int:
    number = default if text is None else int(text) if text.isdecimal() else 0
    if not least <= number <= most:
        raise _Refused(422, "validation_error", f"limit: {least} to {most}")
    return number


def _page(cursor: str | None) -> int:
    try:
        return 1 if cursor is None else int(base64.b64decode(cursor, validate=True))
    except ValueError as exc:
        raise _Refused(422, "validation_error", "cursor: not one of ours") from exc


def _moment(text: str | None, default: datetime) -> datetime:
    try:
        moment = default if text is None else datetime.fromisoformat(text)
    except ValueError as exc:
        raise _Refused(422, "validation_error", "start and end are ISO 8601") from exc
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
