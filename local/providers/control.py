"""The control API: look at the ledger and the files, arm faults, change settings, start over."""

from collections.abc import Callable, Mapping

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.providers.faults import Fault
from local.providers.incoming import parsed
from local.providers.media import MediaStore
from local.providers.settings import Settings
from local.providers.stage import Stage


class Control:
    """Routes for tests and people; no key is asked for."""

    def __init__(
        self, stage: Stage, forget: list[Callable[[], None]], media: Mapping[str, MediaStore]
    ) -> None:
        self._stage = stage
        self._media = media
        self._forget = forget
        self._first_settings = stage.settings

    def routes(self) -> list[Route]:
        """The routes, under /control."""
        return [
            Route("/ledger", self._ledger, methods=["GET"]),
            Route("/media", self._files, methods=["GET"]),
            Route("/faults", self._faults, methods=["GET"]),
            Route("/faults", self._arm, methods=["POST"]),
            Route("/settings", self._settings, methods=["GET"]),
            Route("/settings", self._change, methods=["POST"]),
            Route("/reset", self._reset, methods=["POST"]),
        ]

    async def _ledger(self, request: Request) -> Response:
        return JSONResponse(self._stage.ledger.document())

    async def _files(self, request: Request) -> Response:
        return JSONResponse({provider: store.document() for provider, store in self._media.items()})

    async def _faults(self, request: Request) -> Response:
        return JSONResponse([fault.model_dump() for fault in self._stage.faults.armed])

    async def _arm(self, request: Request) -> Response:
        try:
            fault = Fault.model_validate(parsed(await request.body()))
        except ValidationError as exc:
            return _refused(exc)
        self._stage.faults.arm(fault)
        return JSONResponse(fault.model_dump(), 201)

    async def _settings(self, request: Request) -> Response:
        return JSONResponse(self._stage.settings.model_dump())

    async def _change(self, request: Request) -> Response:
        changes = parsed(await request.body())
        try:
            known = self._stage.settings.model_dump()
            self._stage.settings = Settings.model_validate(
                known | changes if isinstance(changes, dict) else changes
            )
        except ValidationError as exc:
            return _refused(exc)
        return JSONResponse(self._stage.settings.model_dump())

    async def _reset(self, request: Request) -> Response:
        await self._stage.stop()
        self._stage.settings = self._first_settings
        self._stage.faults.armed.clear()
        self._stage.ledger.clear()
        for forget in self._forget:
            forget()
        return Response(status_code=204)


def _refused(exc: ValidationError) -> Response:
    return JSONResponse(
        {"detail": exc.errors(include_url=False, include_context=False, include_input=False)}, 422
    )
