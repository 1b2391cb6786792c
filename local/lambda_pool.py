"""Runs Lambda functions on this machine: as many sandboxes, each a process, as requests run at once."""

from __future__ import annotations

import asyncio
import math
import threading
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from local.lambda_sandbox import Failure, Function, Log, Sandbox


@dataclass(frozen=True)
class Report:
    """The REPORT line of Lambda's log about one invocation."""

    function: str
    request_id: str
    duration_ms: float
    billed_ms: int
    memory_mb: int
    peak_memory_mb: int | None  # the sandbox's peak since it started, as on Lambda; unknown when it has ended
    init_ms: float | None  # only of the first request of a sandbox

    def line(self) -> str:
        """The line as Lambda writes it."""
        columns = [
            f"REPORT RequestId: {self.request_id}",
            f"Duration: {self.duration_ms:.2f} ms",
            f"Billed Duration: {self.billed_ms} ms",
            f"Memory Size: {self.memory_mb} MB",
            f"Max Memory Used: {self.peak_memory_mb if self.peak_memory_mb is not None else 'unknown'} MB",
        ]
        if self.init_ms is not None:
            columns.append(f"Init Duration: {self.init_ms:.2f} ms")
        return "\t".join(columns)


@dataclass(frozen=True)
class Invocation:
    """The result of one request; ``payload`` is the error as Lambda words it when ``failed``."""

    payload: bytes
    failed: bool
    report: Report


class Pool:
    """The sandboxes of all functions. ``invoke`` may be called from any thread.

    A request takes an idle sandbox of its function or, when all are busy, a new one. One of a function starts
    at a time: until it is there, those that work have mostly become idle, and a start takes as much computing
    as tens of requests. Functions have at most ``max_sandboxes``; a request beyond that waits in line, since
    a full machine is no reason to refuse it.
    """

    def __init__(self, log: Log = lambda function, line: None) -> None:
        self._log = log
        self._idle: defaultdict[Function, list[Sandbox]] = defaultdict(list)
        self._places: dict[Function, asyncio.Semaphore] = {}
        self._starting: set[Function] = set()
        self._changes: defaultdict[Function, asyncio.Event] = defaultdict(asyncio.Event)
        self._running: set[Sandbox] = set()
        self._invocations: set[asyncio.Task[Any]] = set()
        self._stopped = False
        self._stopping = threading.Lock()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="lambda-pool", daemon=True)
        self._thread.start()

    def invoke(self, function: Function, payload: bytes, request_id: str | None = None) -> Invocation:
        """Run a function on a JSON payload and wait for the result.

        Raises:
            RuntimeError: the pool is stopped.
            concurrent.futures.CancelledError: it was stopped meanwhile.
        """
        with self._stopping:
            if self._stopped:
                raise RuntimeError("The pool is stopped.")
            invocation = self._invoke(function, payload, request_id or str(uuid.uuid4()))
            result = asyncio.run_coroutine_threadsafe(invocation, self._loop)
        return result.result()

    def sandbox_count(self, function: Function) -> int:
        """Return the number of processes that a function has at the moment."""
        return sum(sandbox.function is function for sandbox in list(self._running))

    def stop(self) -> None:
        """End all sandboxes; no process is left when this returns."""
        with self._stopping:
            if self._stopped:
                return
            self._stopped = True
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _invoke(self, function: Function, payload: bytes, request_id: str) -> Invocation:
        task = asyncio.current_task()
        assert task is not None
        self._invocations.add(task)
        task.add_done_callback(self._invocations.discard)
        place = self._places.setdefault(function, asyncio.Semaphore(function.max_sandboxes))
        async with place:
            while not (sandbox := self._idle_sandbox(function)) and function in self._starting:
                await self._changes[function].wait()
            if sandbox:
                return await self._serve(sandbox, payload, request_id)
            self._starting.add(function)
            try:
                sandbox = await self._start(function)
                init_failure = await sandbox.initialise()
            finally:
                self._starting.discard(function)
                self._tell_those_in_line(function)
            return await self._serve(sandbox, payload, request_id, cold=True, init_failure=init_failure)

    def _tell_those_in_line(self, function: Function) -> None:
        """A sandbox has become idle, or may start."""
        self._changes[function].set()
        self._changes[function].clear()

    async def _serve(
        self,
        sandbox: Sandbox,
        payload: bytes,
        request_id: str,
        cold: bool = False,
        init_failure: Failure | None = None,
    ) -> Invocation:
        """Let a sandbox answer a request; log and report it as Lambda does."""
        function, init_ms = sandbox.function, sandbox.init_ms if cold else None
        self._log(function, f"START RequestId: {request_id} Version: {function.version}")
        started = time.perf_counter()
        outcome = init_failure or await sandbox.invoke(request_id, payload)
        duration_ms = (time.perf_counter() - started) * 1000
        report = Report(
            function=function.name,
            request_id=request_id,
            duration_ms=duration_ms,
            billed_ms=math.ceil(duration_ms + (init_ms or 0)),
            memory_mb=function.memory_mb,
            peak_memory_mb=sandbox.peak_memory_mb(),
            init_ms=init_ms,
        )
        self._log(function, f"END RequestId: {request_id}")
        self._log(function, report.line())
        if sandbox.usable:
            self._idle[function].append(sandbox)
            self._tell_those_in_line(function)
        if isinstance(outcome, Failure):
            return Invocation(outcome.payload, failed=True, report=report)
        return Invocation(outcome, failed=False, report=report)

    def _idle_sandbox(self, function: Function) -> Sandbox | None:
        while self._idle[function]:
            sandbox = self._idle[function].pop()
            if sandbox.usable:  # it may have ended while nobody looked
                return sandbox
        return None

    async def _start(self, function: Function) -> Sandbox:
        sandbox = Sandbox(function, self._log)
        await sandbox.start()
        self._running.add(sandbox)
        sandbox.ended.add_done_callback(lambda _: self._running.discard(sandbox))
        return sandbox

    async def _stop(self) -> None:
        for task in self._invocations:
            task.cancel()
        await asyncio.gather(*self._invocations, return_exceptions=True)
        for sandbox in self._running:
            sandbox.kill()
        await asyncio.gather(*(sandbox.ended for sandbox in self._running))
