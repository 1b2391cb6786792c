"""State that both simulators and the control API share."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

import httpx
from starlette.requests import Request

from local.simulators.clock import NEVER, Clock
from local.simulators.downloads import Downloads
from local.simulators.faults import Faults
from local.simulators.incoming import origin_of
from local.simulators.ledger import CallLedger
from local.simulators.memory import Memory
from local.simulators.settings import SimulatorSettings

T = TypeVar("T")


@dataclass
class Simulator:
    """Time, luck, the web, settings, faults and the ledger of one run."""

    settings: SimulatorSettings
    clock: Clock
    web: httpx.AsyncClient
    new_id: Callable[[], str]
    new_seed: Callable[[], int]
    memory: Memory = field(default_factory=Memory)
    at_work: set[asyncio.Task[Any]] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.ledger = CallLedger(self.memory)
        self.faults = Faults(self.clock)
        self.downloads = Downloads(self.web)

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Begin a job's downloads and rendering at once; whether it shows yet is its schedule's business."""
        task = asyncio.create_task(work)
        self.at_work.add(task)
        task.add_done_callback(self.at_work.discard)
        return task

    async def stop(self) -> None:
        """Drop all work that is still under way."""
        for task in self.at_work:
            task.cancel()
        await asyncio.gather(*self.at_work, return_exceptions=True)

    def media_origin(self, request: Request) -> str:
        """Scheme, host and port under which the caller finds what a job makes."""
        host, port = self.settings.media_host, request.url.port
        if host is None:
            return origin_of(request)
        return f"{request.url.scheme}://{host}{f':{port}' if port else ''}"

    def media_expiry(self, lifetime_s: float | None = None) -> datetime:
        """Return the time when a file of fal's that is stored now expires; None: as the account has it."""
        lifetime_s = self.settings.fal_media_lifetime_s if lifetime_s is None else lifetime_s
        return NEVER if lifetime_s is None else self.clock.now() + timedelta(seconds=lifetime_s)
