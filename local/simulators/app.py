"""Puts the simulators together: one application for fal, Astria and the control API."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from local.simulators.astria.server import AstriaSimulator
from local.simulators.control import Control
from local.simulators.fal.access import RequestIds, as_detail
from local.simulators.fal.cdn import FalCdnSimulator
from local.simulators.fal.models import FalModels
from local.simulators.fal.platform import FalPlatformSimulator
from local.simulators.fal.queue import FalQueueSimulator
from local.simulators.fal.run import FalRunSimulator
from local.simulators.fal.storage import FalStorageSimulator
from local.simulators.fal.webhooks import FalWebhooks
from local.simulators.media import MediaStore
from local.simulators.simulator import Simulator


def create_app(simulator: Simulator) -> ASGIApp:
    """The application; what it knows is in the simulator's memory."""
    fal_media = MediaStore("/fal/media", simulator.clock, simulator.memory)
    astria_media = MediaStore("/astria/media", simulator.clock, simulator.memory)
    models, webhooks = FalModels(simulator, fal_media), FalWebhooks(simulator)
    queue = FalQueueSimulator(simulator, models, webhooks)
    storage, cdn = FalStorageSimulator(simulator, fal_media), FalCdnSimulator(simulator, fal_media)
    platform = FalPlatformSimulator(simulator, queue, models, fal_media)
    astria = AstriaSimulator(simulator, astria_media)
    parts = (queue, platform, webhooks, storage, cdn, astria, fal_media, astria_media)
    media = {"fal": fal_media, "astria": astria_media}
    control = Control(simulator, [part.clear for part in parts], [queue.finish, astria.finish], media)

    def fal(routes: list[object]) -> Starlette:
        app = Starlette(
            routes=routes,  # type: ignore[arg-type]
            middleware=[Middleware(RequestIds, simulator=simulator)],
            exception_handlers={HTTPException: as_detail},
        )
        app.router.redirect_slashes = False
        return app

    @asynccontextmanager
    async def lifespan(app: Starlette) -> AsyncIterator[None]:
        yield
        await simulator.stop()

    app = Starlette(
        lifespan=lifespan,
        routes=[
            Mount("/fal/queue", fal([*queue.routes()])),
            Mount("/fal/run", fal([*FalRunSimulator(simulator, models).routes()])),
            Mount("/fal/platform", fal([*platform.routes()])),
            Mount("/fal/rest", fal([*storage.rest_routes(), *cdn.rest_routes(), *webhooks.routes()])),
            Mount(
                "/fal/media", Router([*storage.media_routes(), *cdn.media_routes()], redirect_slashes=False)
            ),
            Mount("/astria", Router(astria.routes(), redirect_slashes=False)),
            Mount("/control", Router(control.routes(), redirect_slashes=False)),
        ],
    )
    return TidyPaths(app)


class TidyPaths:
    """Takes both spellings of a path: fal's with a closing slash, Astria's with .json."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            path = scope["path"]
            scope = {
                **scope,
                "path": path.removesuffix(".json") if path.startswith("/astria/") else path.rstrip("/"),
            }
        await self._app(scope, receive, send)
