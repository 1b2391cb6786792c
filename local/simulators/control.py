"""The control API: read the ledger and the files, arm faults, change settings, end jobs, start over."""

from collections.abc import Callable, Mapping

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from local.simulators.faults import Fault
from local.simulators.incoming import parsed
from local.simulators.media import MediaStore
from local.simulators.settings import SimulatorSettings
from local.simulators.simulator import Simulator


class Control:
    """Routes for tests and people; no key is asked for, and no web page let in (``local/gate.py``)."""

    def __init__(
        self,
        simulator: Simulator,
        forget: list[Callable[[], None]],
        finish: list[Callable[[], None]],
        media: Mapping[str, MediaStore],
    ) -> None:
        self._simulator = simulator
        self._media = media
        self._forget = forget
        self._finish = finish
        self._first_settings = simulator.settings

    def routes(self) -> list[Route]:
        """The routes, under /control."""
        return [
            Route("/ledger", self._ledger, methods=["GET"]),
            Route("/media", self._files, methods=["GET"]),
            Route("/faults", self._faults, methods=["GET"]),
            Route("/faults", self._arm, methods=["POST"]),
            Route("/settings", self._settings, methods=["GET"]),
            Route("/settings", self._change, methods=["POST"]),
            Route("/finish", self._end_jobs, methods=["POST"]),
            Route("/reset", self._reset, methods=["POST"]),
        ]

    async def _ledger(self, request: Request) -> Response:
        return JSONResponse(self._simulator.ledger.document())

    async def _files(self, request: Request) -> Response:
        return JSONResponse({provider: store.document() for provider, store in self._media.items()})

    async def _faults(self, request: Request) -> Response:
        return JSONResponse([fault.model_dump() for fault in self._simulator.faults.armed])

    async def _arm(self, request: Request) -> Response:
        try:
            fault = Fault.model_validate(parsed(await request.body()))
        except ValidationError as exc:
            return _refused(exc)
        self._simulator.faults.arm(fault)
        return JSONResponse(fault.model_dump(), 201)

    async def _settings(self, request: Request) -> Response:
        return JSONResponse(self._simulator.settings.model_dump())

    async def _change(self, request: Request) -> Response:
        changes = parsed(await request.body())
        try:
            known = self._simulator.settings.model_dump()
            self._simulator.settings = SimulatorSettings.model_validate(
                known | changes if isinstance(changes, dict) else changes
            )
        except ValidationError as exc:
            return _refused(exc)
        return JSONResponse(self._simulator.settings.model_dump())

    async def _end_jobs(self, request: Request) -> Response:
        for finish in self._finish:
            finish()
        return Response(status_code=204)

    async def _reset(self, request: Request) -> Response:
        await self._simulator.stop()
        self._simulator.settings = self._first_settings
        self._simulator.faults.armed.clear()
        self._simulator.ledger.clear()
        for forget in self._forget:
            forget()
        return Response(status_code=204)


def _refused(exc: ValidationError) -> Response:
    return JSONResponse(
        {"detail": exc.errors(include_url=False, include_context=False, include_input=False)}, 422
    )
