"""Serves the simulators on loopback: ``python -m local.simulators --port 0``."""

import argparse
import asyncio
import json
import os
import secrets
import socket
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from hypercorn.asyncio import serve
from hypercorn.config import Config
from hypercorn.typing import ASGIFramework

from local.errors import CannotRun, explained
from local.gate import Gate, Scope
from local.ports import listener, port
from local.service import give_up
from local.simulators.app import create_app
from local.simulators.clock import SystemClock
from local.simulators.downloads import http_client
from local.simulators.memory import Memory
from local.simulators.settings import SimulatorSettings
from local.simulators.simulator import Simulator
from local.state_file import StateFile

LARGEST_SEED = 2**31
PARENT_CHECK_S = 0.5
KEEP_ALIVE_S = 60


def main() -> None:
    """Serve until the process that started us is gone."""
    asked = _arguments()
    try:
        listening = listener(asked.port, "--port")
        state = StateFile(asked.state, on_failure=give_up) if asked.state else None
    except CannotRun as problem:
        give_up(problem)
    except OSError as error:
        give_up(explained(error))
    print(json.dumps({"port": listening.getsockname()[1]}), flush=True)
    with suppress(KeyboardInterrupt):
        asyncio.run(_serve(_settings(asked), listening, Memory(state)))


async def _serve(settings: SimulatorSettings, listener: socket.socket, memory: Memory) -> None:
    config = Config()
    config.bind = [f"fd://{listener.detach()}"]
    config.loglevel = "WARNING"
    config.keep_alive_timeout = KEEP_ALIVE_S
    config.graceful_timeout = 0
    async with http_client() as client:
        simulator = Simulator(
            settings=settings,
            clock=SystemClock(),
            web=client,
            new_id=lambda: str(uuid4()),
            new_seed=lambda: secrets.randbelow(LARGEST_SEED),
            memory=memory,
        )
        gate = Gate(create_app(simulator), guards=lambda scope: not _shows_media(scope))
        app: ASGIFramework = gate  # type: ignore[assignment]
        await serve(app, config, shutdown_trigger=_orphaned, mode="asgi")


def _shows_media(scope: Scope) -> bool:
    """Return True if any page may embed it, as it may what lies at the real providers' media hosts."""
    return scope["method"] in {"GET", "HEAD"} and scope["path"].startswith(("/fal/media/", "/astria/media/"))


async def _orphaned() -> None:
    """Returns when our parent has died: nobody would stop us any more."""
    parent = os.getppid()
    while os.getppid() == parent:
        await asyncio.sleep(PARENT_CHECK_S)


def _arguments() -> argparse.Namespace:
    defaults = SimulatorSettings()
    parser = argparse.ArgumentParser(prog="python -m local.simulators", description=__doc__)
    parser.add_argument("--port", type=port, required=True, help="0 picks a free one")
    parser.add_argument("--training-seconds", type=float, default=defaults.training_s)
    parser.add_argument("--generation-seconds", type=float, default=defaults.generation_s)
    parser.add_argument("--fal-key", default=defaults.fal_key)
    parser.add_argument("--astria-key", default=defaults.astria_key)
    parser.add_argument("--media-host", default=defaults.media_host)
    parser.add_argument("--state", type=Path, help="folder for what they know; default: nothing is kept")
    return parser.parse_args()


def _settings(asked: argparse.Namespace) -> SimulatorSettings:
    return SimulatorSettings(
        training_s=asked.training_seconds,
        generation_s=asked.generation_seconds,
        media_host=asked.media_host,
        fal_key=asked.fal_key,
        astria_key=asked.astria_key,
    )


if __name__ == "__main__":
    main()
