"""fal's synchronous door: one call, one answer, nothing to come back to."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.providers.clock import iso
from local.providers.fal_access import authorised
from local.providers.fal_models import ENDPOINTS, TRAINING, FalModels, Order, application_of, parsed
from local.providers.fal_queue import answered
from local.providers.ledger import Call
from local.providers.media import origin_of
from local.providers.stage import Stage


class FalRun:
    """Runs a model while the caller waits."""

    def __init__(self, stage: Stage, models: FalModels) -> None:
        self._stage = stage
        self._models = models

    def routes(self) -> list[Route]:
        """The one route; a call takes as long as the work."""
        handler = self._stage.faults.guard("fal.run", authorised(self._stage, self._run))
        return [Route("/{endpoint:path}", handler, methods=["POST"])]

    async def _run(self, request: Request) -> Response:
        endpoint = request.path_params["endpoint"]
        application = application_of(endpoint)
        if application not in map(application_of, ENDPOINTS):
            return JSONResponse({"detail": f"Application '{application}' not found"}, 404)
        settings = self._stage.settings
        order = Order(
            endpoint, await request.body(), origin_of(request), self._stage.faults.for_job(request, "fal.run")
        )
        now = iso(self._stage.clock.now())
        call = self._stage.ledger.record(Call("fal", endpoint, self._stage.new_id(), parsed(order.body), now))
        outcome = await self._models.run(order)
        call.cost_usd = self._models.cost_usd(endpoint, outcome)
        if outcome.status == 200:
            await self._stage.clock.sleep(
                settings.training_s if endpoint == TRAINING else settings.generation_s
            )
        return answered(outcome, call.request_id)
