"""One Lambda execution environment: a process under AWS's own runtime client, and the Runtime API it asks."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from local import parent_watchdog
from local.gate import is_cross_site, is_here

INIT_LIMIT_S = 10
"""Lambda's limit for the init phase; past it the init runs again within the function's timeout."""
LONGEST_LOG_LINE = 1 << 20
LEVELS = {
    "TRACE": 0,
    "DEBUG": 10,
    "INFO": 20,
    "WARN": 30,
    "WARNING": 30,
    "ERROR": 40,
    "FATAL": 50,
    "CRITICAL": 50,
}
"""By the names that Lambda has for them, and those of Python's own."""
PATH_PREFIX = "/2018-06-01/runtime/"
ACCEPTED = b'{"status":"OK"}'
MAX_SANDBOXES = max(4, 2 * (os.cpu_count() or 1))
"""This machine's limit for a function, whose requests beyond it wait in line. A process that starts costs as
much computing as tens of requests; more of them than cores help only while they wait for providers."""


@dataclass(frozen=True, eq=False)
class Function:
    """A function as Lambda knows it."""

    name: str
    handler: str
    task_root: Path
    import_path: tuple[Path, ...] = ()  # after the task root: layers, then the runtime's own packages
    environment: Mapping[str, str] = field(default_factory=dict)
    memory_mb: int = 128
    timeout_s: float = 3
    version: str = "$LATEST"
    arn: str = ""
    max_sandboxes: int = MAX_SANDBOXES


Log = Callable[[Function, str], None]


@dataclass(frozen=True)
class Failure:
    """An invocation that gave no result; ``payload`` is the error as Lambda's callers see it."""

    payload: bytes

    @classmethod
    def of(cls, error_type: str, message: str) -> Failure:
        return cls(json.dumps({"errorType": error_type, "errorMessage": message}).encode())


class Sandbox:
    """One process that serves one request at a time.

    It has a port of its own: the runtime client reports a failed init to a fixed path, by which sandboxes
    could not be told apart on a shared port.
    """

    def __init__(self, function: Function, log: Log) -> None:
        loop = asyncio.get_running_loop()
        self.function = function
        self.id = uuid.uuid4().hex
        self.init_ms = 0.0
        self.ended: asyncio.Future[Failure] = loop.create_future()
        self._log = log
        self._ready: asyncio.Future[None] = loop.create_future()
        self._killed = False
        self._answer: asyncio.Future[bytes | Failure] = loop.create_future()
        self._requests: asyncio.Queue[tuple[str, bytes, float]] = asyncio.Queue()
        self._request_id = "-"
        self._init_error: Failure | None = None
        self._connection: asyncio.Task[None] | None = None

    @property
    def usable(self) -> bool:
        """True if the process has come through its init phase and can take a request."""
        return self._ready.done() and not self.ended.done() and not self._killed

    async def start(self) -> None:
        """Start the process and its Runtime API; the init phase goes on by itself."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self._started = time.perf_counter()
        self._process = await asyncio.create_subprocess_exec(
            # -S: what is installed beside the interpreter does not exist on Lambda.
            # -B: there the code is read-only, so bytecode that does not ship is not kept either.
            *parent_watchdog.command("awslambdaric", self.function.handler, python_options=["-S", "-B"]),
            cwd=self.function.task_root,
            env=self._environment(port),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=LONGEST_LOG_LINE,
        )
        self._watcher = asyncio.create_task(self._watch())

    async def initialise(self) -> Failure | None:
        """Wait for the end of the init phase; the failure, if it failed."""
        limit_s = INIT_LIMIT_S + self.function.timeout_s
        either: tuple[asyncio.Future[Any], ...] = (self._ready, self.ended)
        await asyncio.wait(either, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
        if self._ready.done():
            return None
        if not self.ended.done():
            self.kill()
            return Failure.of("Sandbox.Timedout", f"Error: init took more than {limit_s:.2f} seconds")
        return self._init_error or self.ended.result()

    async def invoke(self, request_id: str, payload: bytes) -> bytes | Failure:
        """The answer to one request. A timeout or a crash ends the sandbox."""
        self._request_id = request_id
        self._answer = asyncio.get_running_loop().create_future()
        await self._requests.put((request_id, payload, time.time() + self.function.timeout_s))
        either: tuple[asyncio.Future[Any], ...] = (self._answer, self.ended)
        await asyncio.wait(either, timeout=self.function.timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if self._answer.done():
            return self._answer.result()
        if self.ended.done():
            return self.ended.result()
        self.kill()
        timeout = f"Task timed out after {self.function.timeout_s:.2f} seconds"
        return Failure.of("Sandbox.Timedout", f"RequestId: {request_id} Error: {timeout}")

    def peak_memory_mb(self) -> int | None:
        """The most memory the process has had resident; unknown once it has ended and where /proc is not."""
        with suppress(OSError):
            for line in Path(f"/proc/{self._process.pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) // 1024
        return None

    def kill(self) -> None:
        """End the process now; ``ended`` tells when it is gone."""
        self._killed = True
        if self._process.returncode is None:
            self._process.kill()

    def _environment(self, port: int) -> dict[str, str]:
        """Return the variables that Lambda sets; of this machine's environment only PATH gets through."""
        function, python = self.function, f"python{sys.version_info.major}.{sys.version_info.minor}"
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONUNBUFFERED": "1",
            "PYTHONPATH": os.pathsep.join(map(str, (function.task_root, *function.import_path))),
            "_HANDLER": function.handler,
            "LAMBDA_TASK_ROOT": str(function.task_root),
            "LAMBDA_RUNTIME_DIR": str(function.import_path[-1]) if function.import_path else "",
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{python}",
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_VERSION": function.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"{time.strftime('%Y/%m/%d')}/[{function.version}]{self.id}",
            **function.environment,
        }

    async def _watch(self) -> None:
        """Pass the output on until the process ends, then say how it ended."""
        output = self._process.stdout
        assert output is not None
        while True:
            try:
                line = await output.readline()
            except ValueError:
                line = b"(a line longer than 1 MB)"
            if not line:
                break
            text = line.decode(errors="replace").rstrip("\n")
            if _is_written(text, self.function.environment):
                self._log(self.function, text)
        status = await self._process.wait()
        self._server.close()
        if self._connection:
            self._connection.cancel()
        how = f"exit status {status}" if status >= 0 else f"signal {-status}"
        message = f"RequestId: {self._request_id} Error: Runtime exited with error: {how}"
        self.ended.set_result(Failure.of("Runtime.ExitError", message))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the runtime client: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html."""
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                request_line, *header_lines = head.decode("latin-1").strip().split("\r\n")
                parts = (line.lower().partition(":") for line in header_lines)
                headers = {name: text.strip() for name, _, text in parts}
                if is_cross_site(headers) or not is_here(headers.get("host", "")):
                    # A page would take, and answer, requests.
                    writer.write(_response("403 Forbidden", b"{}", {}))
                    await writer.drain()
                    break
                self._connection = asyncio.current_task()
                body = await reader.readexactly(int(headers.get("content-length", 0)))
                path = request_line.split(" ")[1].removeprefix(PATH_PREFIX)
                writer.write(await self._next() if path == "invocation/next" else self._accept(path, body))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the process ended
        finally:
            writer.close()

    async def _next(self) -> bytes:
        """The next request, as soon as there is one. Asking for the first ends the init phase."""
        if not self._ready.done():
            self.init_ms = (time.perf_counter() - self._started) * 1000
            self._ready.set_result(None)
        request_id, payload, deadline = await self._requests.get()
        return _response(
            "200 OK",
            payload,
            {
                "Lambda-Runtime-Aws-Request-Id": request_id,
                "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
                "Lambda-Runtime-Invoked-Function-Arn": self.function.arn,
                "Lambda-Runtime-Trace-Id": f"Root=1-{int(time.time()):x}-{uuid.uuid4().hex[:24]};Sampled=0",
            },
        )

    def _accept(self, path: str, body: bytes) -> bytes:
        """Take a result or an error that the runtime client reports."""
        if path == "init/error":
            self._init_error = Failure(body)
        elif path.startswith(f"invocation/{self._request_id}/") and not self._answer.done():
            self._answer.set_result(Failure(body) if path.endswith("/error") else body)
        return _response("202 Accepted", ACCEPTED, {})


def _is_written(line: str, environment: Mapping[str, str]) -> bool:
    """Return False of a line of JSON below the level from which on the function logs.

    One that does not say its level and time counts as INFO: "Log-level filtering" in Lambda's guide,
    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html, read 2026-11-29.
    """
    least = LEVELS.get(environment.get("AWS_LAMBDA_LOG_LEVEL", ""), 0)
    if environment.get("AWS_LAMBDA_LOG_FORMAT") != "JSON" or least <= LEVELS["INFO"] or line[:1] != "{":
        return True
    try:
        said = json.loads(line)
    except ValueError:
        return True
    level = str(said.get("level")).upper() if "timestamp" in said else "INFO"
    return LEVELS.get(level, LEVELS["INFO"]) >= least


def _response(status: str, body: bytes, headers: Mapping[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body
