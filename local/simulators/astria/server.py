"""Astria's HTTP API: keys, routes, lists, and refusals as answers."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.astria.callbacks import AstriaCallbacks
from local.simulators.astria.money import balance_mc
from local.simulators.astria.objects import StoredPrompt, StoredTune
from local.simulators.astria.prompts import AstriaPrompts
from local.simulators.astria.rules import OrderRefused, Rules
from local.simulators.astria.tunes import AstriaTunes
from local.simulators.faults import Handler, Operation
from local.simulators.media import MediaStore
from local.simulators.simulator import Simulator

UNAUTHORISED = {"error": "You need to sign in or sign up before continuing."}
NOT_FOUND = {"error": "Not Found"}
TOO_FAST = {"error": "Too many requests, use callbacks"}
DEFAULT_LIMIT, LARGEST_LIMIT = 20, 120
DEEPEST_TUNE_OFFSET, DEEPEST_PROMPT_OFFSET = 200, 10_000

Item = TypeVar("Item", StoredTune, StoredPrompt)


class AstriaSimulator:
    """The routes of the API."""

    def __init__(self, simulator: Simulator, media: MediaStore) -> None:
        rules, self._callbacks = Rules(), AstriaCallbacks(simulator)
        self._simulator = simulator
        self._media = media
        self._tunes = AstriaTunes(simulator, media, rules, self._callbacks)
        self._prompts = AstriaPrompts(simulator, media, rules, self._callbacks, self._tunes)
        self._last_read: dict[str, datetime] = {}

    def routes(self) -> list[Route]:
        """Paths without .json; the application cuts that ending off."""
        return [
            self._route("/users", "GET", "astria.get_account", self._get_account),
            self._route("/tunes", "POST", "astria.create_tune", self._create_tune),
            self._route("/tunes", "GET", "astria.list_tunes", self._list_tunes),
            self._route("/tunes/{tune_id:int}", "GET", "astria.get_tune", self._get_tune),
            self._route("/tunes/{tune_id:int}", "PATCH", "astria.change_tune", self._change_tune),
            self._route("/tunes/{tune_id:int}", "DELETE", "astria.delete_tune", self._delete_tune),
            self._route("/tunes/{tune_id:int}/prompts", "POST", "astria.create_prompt", self._create_prompt),
            self._route("/tunes/{tune_id:int}/prompts", "GET", "astria.list_prompts", self._list_prompts),
            self._route("/prompts", "GET", "astria.list_prompts", self._list_prompts),
            *(
                self._route(path, method, operation, handler)
                for path in ("/tunes/{tune_id:int}/prompts/{prompt_id:int}", "/prompts/{prompt_id:int}")
                for method, operation, handler in self._prompt_calls()
            ),
            Route(
                "/media/{name}",
                self._simulator.faults.guard("astria.media", self._media.serve),
                methods=["GET"],
            ),
        ]

    def clear(self) -> None:
        """Forget everything that was made."""
        self._tunes.clear()
        self._prompts.clear()
        self._callbacks.clear()
        self._last_read.clear()

    def finish(self) -> None:
        """End now the trainings that are under way, as they would have ended later."""
        self._tunes.finish()

    def _prompt_calls(self) -> list[tuple[str, Operation, Handler]]:
        return [
            ("GET", "astria.get_prompt", self._get_prompt),
            ("DELETE", "astria.delete_prompt", self._delete_prompt),
        ]

    def _route(self, path: str, method: str, operation: Operation, handler: Handler) -> Route:
        return Route(
            path, self._simulator.faults.guard(operation, self._authorised(handler)), methods=[method]
        )

    def _authorised(self, handler: Handler) -> Handler:
        async def checked(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {self._simulator.settings.astria_key}":
                return JSONResponse(UNAUTHORISED, 401)
            try:
                return await handler(request)
            except OrderRefused as refusal:
                return JSONResponse(refusal.body, refusal.status)

        return checked

    async def _get_account(self, request: Request) -> Response:
        return JSONResponse(
            {"id": 1, "usd_balance_mc": balance_mc(self._simulator), "auto_extend_tunes": False}
        )

    async def _create_tune(self, request: Request) -> Response:
        fault = self._simulator.faults.for_job(request, "astria.create_tune")
        tune, is_new = await self._tunes.create(request, fault)
        if is_new:
            await self._prompts.order_with(request, tune)
        return await self._reply(tune, 201)

    async def _get_tune(self, request: Request) -> Response:
        self._limit_rate(request)
        tune = self._tune(request)
        self._simulator.ledger.count_poll(tune.tune_id)
        return await self._reply(tune)

    async def _list_tunes(self, request: Request) -> Response:
        found = self._tunes.newest_first(request.query_params.get("title"))
        page = _page(request, found, [tune.tune_id for tune in found], DEEPEST_TUNE_OFFSET)
        return JSONResponse([await tune.document(self._simulator.clock.now()) for tune in page])

    async def _change_tune(self, request: Request) -> Response:
        tune = self._tune(request)
        await self._tunes.change(request, tune)
        return await self._reply(tune)

    async def _delete_tune(self, request: Request) -> Response:
        tune = self._tune(request)
        self._tunes.delete(tune)
        if tune.fields.get("model_type") is None:
            for prompt in self._prompts.newest_first(tune.tune_id):
                await self._prompts.delete(prompt)
        return await self._reply(tune)

    async def _create_prompt(self, request: Request) -> Response:
        fault = self._simulator.faults.for_job(request, "astria.create_prompt")
        prompt = await self._prompts.create(request, request.path_params["tune_id"], fault)
        return await self._reply(prompt, 201)

    async def _get_prompt(self, request: Request) -> Response:
        self._limit_rate(request)
        prompt = self._prompt(request)
        self._simulator.ledger.count_poll(prompt.prompt_id)
        return await self._reply(prompt)

    async def _list_prompts(self, request: Request) -> Response:
        found = self._prompts.newest_first(request.path_params.get("tune_id"))
        page = _page(request, found, [prompt.prompt_id for prompt in found], DEEPEST_PROMPT_OFFSET)
        return JSONResponse([await prompt.document(self._simulator.clock.now()) for prompt in page])

    async def _delete_prompt(self, request: Request) -> Response:
        await self._prompts.delete(self._prompt(request))
        return JSONResponse({"message": "Prompt successfully deleted"})

    def _tune(self, request: Request) -> StoredTune:
        tune = self._tunes.find(request.path_params["tune_id"])
        if tune is None:
            raise OrderRefused(NOT_FOUND, 404)
        return tune

    def _prompt(self, request: Request) -> StoredPrompt:
        prompt = self._prompts.find(request.path_params["prompt_id"], request.path_params.get("tune_id"))
        if prompt is None:
            raise OrderRefused(NOT_FOUND, 404)
        return prompt

    def _limit_rate(self, request: Request) -> None:
        """Refuse who reads the same thing again too soon."""
        path, now = request.url.path, self._simulator.clock.now()
        interval = timedelta(seconds=self._simulator.settings.astria_poll_interval_s)
        if path in self._last_read and now < self._last_read[path] + interval:
            raise OrderRefused(TOO_FAST, 429)
        self._last_read[path] = now

    async def _reply(self, thing: StoredTune | StoredPrompt, status: int = 200) -> Response:
        return JSONResponse(await thing.document(self._simulator.clock.now()), status)


def _page(request: Request, found: Sequence[Item], ids: Sequence[int], deepest_offset: int) -> Sequence[Item]:
    """The part of a list that limit, before_id and offset ask for."""
    asked = request.query_params
    try:
        limit = min(int(asked.get("limit", DEFAULT_LIMIT)), LARGEST_LIMIT)
        offset, before_id = int(asked.get("offset", 0)), int(asked.get("before_id", ids[0] + 1 if ids else 0))
    except ValueError as exc:
        raise OrderRefused({"error": "limit, offset and before_id are integers"}, 400) from exc
    if offset > deepest_offset:
        raise OrderRefused({"error": f"offset is limited to {deepest_offset}, use before_id instead"}, 400)
    kept = [item for item, item_id in zip(found, ids, strict=True) if item_id < before_id]
    return kept[offset : offset + limit]
