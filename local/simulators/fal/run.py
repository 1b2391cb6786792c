"""fal's synchronous door: one call, one answer, nothing to come back to."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.clock import iso
from local.simulators.fal.access import REQUEST_ID, answered, authorised
from local.simulators.fal.errors import FalAnswer, start_timeout
from local.simulators.fal.models import FalModels
from local.simulators.fal.options import CallOptions
from local.simulators.fal.orders import FLUX, LORA, TRAINING, Order, application_of, is_application
from local.simulators.fal.streams import EVENT_STREAM, event
from local.simulators.incoming import parsed
from local.simulators.ledger import Call
from local.simulators.simulator import Simulator

STREAMING = {f"{endpoint}/stream": endpoint for endpoint in (LORA, FLUX)}
LONGEST_CALL_S = 3600.0
TOO_MANY = FalAnswer(
    429,
    {"detail": "Too many requests at once", "error_type": "concurrent_requests_limit"},
    headers={"x-fal-needs-retry": "1"},
)


class FalRunSimulator:
    """Runs a model while the caller waits."""

    def __init__(self, simulator: Simulator, models: FalModels) -> None:
        self._simulator = simulator
        self._models = models
        self._under_way = 0

    def routes(self) -> list[Route]:
        """The one route; a call takes as long as the work."""
        handler = self._simulator.faults.guard("fal.run", authorised(self._simulator, self._run))
        return [Route("/{endpoint:path}", handler, methods=["POST"])]

    async def _run(self, request: Request) -> Response:
        path = request.path_params["endpoint"]
        endpoint, streaming = STREAMING.get(path, path), path in STREAMING
        application = application_of(endpoint)
        if not is_application(application):
            return JSONResponse({"detail": f"Application '{application}' not found"}, 404)
        if self._under_way >= self._simulator.settings.fal_concurrency:
            return answered(TOO_MANY, self._simulator.new_id())
        self._under_way += 1
        try:
            fault = self._simulator.faults.for_job(request, "fal.run")
            options = CallOptions.of(request, strict=self._simulator.settings.strict)
            order = Order(
                endpoint, await request.body(), self._simulator.media_origin(request), options, fault
            )
            request_id = self._simulator.new_id()
            outcome = await self._outcome(order, request_id)
        finally:
            self._under_way -= 1
        if streaming and outcome.status == 200:
            return Response(event(outcome.body), headers={REQUEST_ID: request_id}, media_type=EVENT_STREAM)
        return answered(outcome, request_id)

    async def _outcome(self, order: Order, request_id: str) -> FalAnswer:
        settings, now = self._simulator.settings, iso(self._simulator.clock.now())
        call = Call("fal", order.endpoint, request_id, parsed(order.body), now, headers=order.options.headers)
        self._simulator.ledger.record(call)
        if order.fault is not None and order.fault.kind == "stuck":
            call.cost_usd = 0
            wished_s = order.options.start_timeout_s
            await self._simulator.clock.sleep(wished_s or LONGEST_CALL_S)
            return start_timeout(wished=wished_s is not None)
        outcome = await self._models.run(order)
        self._simulator.ledger.charge(call, self._models.cost_usd(order.endpoint, outcome))
        if outcome.status == 200:
            work_s = settings.training_s if order.endpoint == TRAINING else settings.generation_s
            await self._simulator.clock.sleep(work_s)
        return outcome
