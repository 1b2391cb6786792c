"""AWS on this machine: ``python -m local.emulator``, ministack with Lambda sandboxes of our own.

Prints one line of JSON when it listens: {"awsPort": 4566, "apiPort": 8787, "accessKeyId": "LOCAL...",
"secretAccessKey": "..."}. Every request to AWS has to be signed with that key. Everything is in memory;
where a folder is named for it, what is stored is there as well and outlives the process; so does the key.
"""

import argparse
import asyncio
import json
import os
import socket
import sys
from pathlib import Path
from typing import IO, cast

import hypercorn.asyncio
import hypercorn.config
from hypercorn.typing import Framework

from local.errors import CannotRun, explained
from local.gate import AccessKey, Gate, new_access_key
from local.lambda_pool import Pool
from local.lambda_sandbox import Function
from local.packages import STATE, runtime_packages
from local.ports import listener, port
from local.service import give_up
from local.settings import REGION
from local.state_file import StateFile


def main(arguments: list[str]) -> int:
    """Serve until SIGTERM or SIGINT."""
    options = _parser().parse_args(arguments)
    try:
        aws, api = listener(options.aws_port, "--aws-port"), listener(options.api_port, "--api-port")
        state = StateFile(options.state, on_failure=give_up) if options.state else None
        logs = FunctionLogs(options.logs)
    except CannotRun as problem:
        give_up(problem)
    except OSError as error:
        give_up(explained(error))
    pool = Pool(log=logs.write)
    try:
        asyncio.run(_serve(options, pool, aws, api, state))
    finally:
        pool.stop()
    sys.stdout.flush()
    os._exit(0)  # ministack's worker threads may wait for hours, and nothing is left to save


class FunctionLogs:
    """A log file for each function, named like its folder, else as AWS names it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._files: dict[str, IO[str]] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, function: Function, line: str) -> None:
        """Append a line."""
        name = function.environment.get("FUNCTION_NAME", function.name)
        if name not in self._files:
            self._files[name] = (self._folder / f"{name}.log").open("a", buffering=1)
        self._files[name].write(line + "\n")


async def _serve(
    options: argparse.Namespace, pool: Pool, aws: socket.socket, api: socket.socket, state: StateFile | None
) -> None:
    aws_port, api_port = aws.getsockname()[1], api.getsockname()[1]
    key = _access_key(state)
    _configure_ministack(aws_port, options.wait_scale, key)
    # ministack reads its settings when it is imported.
    import ministack.app

    from local.ministack_patches import (
        events,
        functions,
        http_api,
        queues,
        state_machines,
        task_tokens,
        templates,
    )
    from local.ministack_patches import (
        state as durable_state,
    )

    endpoint_url = f"http://127.0.0.1:{aws_port}"
    functions.PoolExecutor(pool, STATE, endpoint_url, key, runtime_packages()).install()
    events.install(options.wait_scale)
    queues.install(options.wait_scale)
    http_api.install()
    templates.install()
    state_machines.install()
    task_tokens.install()
    if state:
        durable_state.install(state)

    config = hypercorn.config.Config()
    config.bind = [f"fd://{aws.detach()}", f"fd://{api.detach()}"]
    config.graceful_timeout = 0.2
    config.keep_alive_timeout = 75
    config.loglevel = "WARNING"
    announcement = {"accessKeyId": key.id, "secretAccessKey": key.secret}
    print(json.dumps({"awsPort": aws_port, "apiPort": api_port, **announcement}), flush=True)
    gate = Gate(
        http_api.with_base_url(ministack.app.app, api_port),
        guards=lambda scope: scope["server"][1] != api_port,  # the API asks for tokens of its own
        access_key=key.id,
    )
    await hypercorn.asyncio.serve(cast(Framework, gate), config)


def _access_key(state: StateFile | None) -> AccessKey:
    """The key of this run; where something is kept, that of the runs before."""
    kept = state.documents("access").get("key") if state else None
    key = AccessKey(*kept) if kept else new_access_key()
    if state and not kept:
        state.put("access", "key", key)
    return key


def _configure_ministack(aws_port: int, wait_scale: float, key: AccessKey) -> None:
    os.environ.pop("AWS_SESSION_TOKEN", None)
    os.environ.update(
        {
            # It computes the signatures of links and forms again, with these.
            "AWS_ACCESS_KEY_ID": key.id,
            "AWS_SECRET_ACCESS_KEY": key.secret,
            "GATEWAY_PORT": str(aws_port),
            "MINISTACK_REGION": REGION,
            "SFN_WAIT_SCALE": str(wait_scale),
            "LOG_LEVEL": "WARNING",
            # Off: listeners on fixed ports, and looking for containers to clean up.
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "DOCKER_HOST": "unix:///nonexistent",
        }
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m local.emulator", description=__doc__)
    parser.add_argument("--aws-port", type=port, default=0, help="of the AWS services; 0: any")
    parser.add_argument("--api-port", type=port, default=0, help="of the HTTP API; 0: any")
    parser.add_argument(
        "--wait-scale", type=float, default=1, help="what waits of state machines are multiplied by"
    )
    parser.add_argument("--logs", type=Path, default=STATE / "logs", help="folder for the functions' logs")
    parser.add_argument(
        "--state", type=Path, help="folder that keeps tables, objects and secrets; default: nothing is kept"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
