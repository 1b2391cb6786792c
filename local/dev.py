"""``python -m local dev``: the whole system on this machine, until Ctrl-C.

Tables, objects and secrets are there again at the next start, however this one ends.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from local.console.server import Console, views_of
from local.errors import CannotRun, answering
from local.options import Parser, dollars, folder, seconds
from local.packages import ROOT, STATE
from local.ports import port
from local.runtime import Options, System, running
from scripts.atomic import write_file

# In the folder of the run:
ADDRESSES, LOCK, LOGS, KEPT = "dev.json", "dev.lock", "logs", "state"


def main(arguments: Sequence[str]) -> int:
    """Run the system until it is asked to stop; 2 if it cannot run."""
    return answering(lambda: _run(arguments))


def _run(arguments: Sequence[str]) -> int:
    chosen = _parser().read(arguments, os.environ)
    started = time.monotonic()
    # Leave by way of all clean-ups; a shell's `&` ignores SIGINT.
    for stop in (signal.SIGINT, signal.SIGTERM):
        signal.signal(stop, signal.default_int_handler)
    place: Path = chosen.state
    try:
        with _only_one(place):
            for leftover in (LOGS, KEPT) if chosen.fresh else (LOGS,):
                shutil.rmtree(place / leftover, ignore_errors=True)
            options = Options(
                api_port=chosen.api_port,
                aws_port=chosen.aws_port,
                providers_port=chosen.providers_port,
                wait_scale=chosen.wait_scale,
                parameters={} if chosen.budget is None else {"MonthlyBudgetUsd": chosen.budget},
                training_s=chosen.training_seconds,
                generation_s=chosen.generation_seconds,
                state=place / KEPT,
                logs=place / LOGS,
                report=lambda phase: print(f"{phase} ...", flush=True),
            )
            with (
                running(options) as system,
                closing(Console(views_of(system))) as console,
                _announced(system, console.url, place / ADDRESSES),
            ):
                print(introduction(system, console.url, time.monotonic() - started, place), flush=True)
                system.wait()
    except KeyboardInterrupt:
        print("\nStopped.")
    return 0


def introduction(system: System, console_url: str, seconds: float, folder: Path) -> str:
    """Return the addresses and hints that somebody needs who has just started the system."""
    addresses = {
        "API": system.api_url,
        "Docs": f"{system.api_url}/docs",
        "Look inside": console_url,
        "AWS": system.aws.url,
        "Providers": f"{system.provider_url} (simulators)"
        if system.provider_url
        else "as the environment says",
        "Logs": f"{_relative(system.logs)}/<function>.log",
        "Kept in": f"{_relative(folder / KEPT)} (--fresh begins anew)",
        "Details": _relative(folder / ADDRESSES),
    }
    lines = [f"Ready after {seconds:.1f} s.", ""]
    lines += [f"  {name:<12}{address}" for name, address in addresses.items()]
    lines += ["", "Try it:", ""]
    lines += [f"  curl -H 'Authorization: Bearer {system.token}' {system.api_url}/v1/providers", ""]
    lines += ["Not as on AWS:", "", *(f"  - {limitation}" for limitation in system.limitations)]
    if system.wait_scale != 1:
        lines += [f"  - Waits and timeouts of state machines are multiplied by {system.wait_scale}."]
    return "\n".join([*lines, "", "Ctrl-C stops everything."])


def _parser() -> Parser:
    parser = Parser("dev", __doc__)
    parser.add_argument("--api-port", type=port, default=8787, help="default: %(default)s; 0: any free one")
    parser.add_argument("--aws-port", type=port, default=4566, help="default: %(default)s; 0: any free one")
    parser.add_argument(
        "--providers-port", type=port, default=8790, help="of the simulators; default: %(default)s"
    )
    parser.add_argument(
        "--budget", type=dollars, metavar="USD", help="what each owner may spend in a month; default: 100"
    )
    parser.add_argument(
        "--training-seconds", type=seconds, metavar="S", help="how long a simulator trains; default: 6"
    )
    parser.add_argument(
        "--generation-seconds", type=seconds, metavar="S", help="how long a simulator draws; default: 0.5"
    )
    parser.add_argument(
        "--wait-scale",
        type=seconds,
        metavar="FACTOR",
        help="factor of all waits of state machines; default: 0.1 if all providers are local, else 1",
    )
    parser.add_argument(
        "--state", type=folder, default=STATE, metavar="DIR", help="for what is kept, dev.json and logs"
    )
    parser.add_argument("--fresh", action="store_true", help="forget what earlier runs have kept")
    return parser


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Hold the lock of the folder; the system lets go of it however we end."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotRun(
                f"`make dev` runs already{_where(folder)}, as process {lock.read().strip()}."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        (folder / ADDRESSES).unlink(missing_ok=True)  # of a run that was killed
        yield


@contextmanager
def _announced(system: System, console_url: str, file: Path) -> Iterator[None]:
    """Write down where everything is, for programs, as long as it is there."""
    content = {
        "apiUrl": system.api_url,
        "token": system.token,
        "awsEndpointUrl": system.aws.url,
        "accessKeyId": system.aws.access_key,
        "secretAccessKey": system.aws.secret_key,
        "providersUrl": system.provider_url,
        "consoleUrl": console_url,
        "bucket": system.bucket,
        "table": system.table,
        "stateMachines": dict(system.state_machines),
        "pid": os.getpid(),
    }
    write_file(file, json.dumps(content, indent=2).encode(), mode=0o600)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


def _where(folder: Path) -> str:
    """The address of the run in this folder, once it has one."""
    with suppress(OSError, ValueError, KeyError):
        return f" at {json.loads((folder / ADDRESSES).read_text())['apiUrl']}"
    return ""


def _relative(path: Path) -> str:
    return str(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else str(path)
