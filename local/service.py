"""Programs of ours that serve on loopback: the emulator, the providers' simulators."""

from __future__ import annotations

import json
import os
import subprocess
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from typing import IO, Any, NoReturn

from local import parent_watchdog
from local.errors import CannotRun
from local.packages import ROOT

START_LIMIT_S = 30
FAREWELL = b'{"problem"'
"""The start of what a program prints that cannot go on; in a pipe, for on a full disk no log takes it."""


class Service:
    """A running program that prints one line of JSON when it listens. It ends with us, however we end."""

    def __init__(self, module: str, *arguments: str, logs: Path) -> None:
        self.module = module
        logs.mkdir(parents=True, exist_ok=True)
        self._log = logs / f"{module}.log"
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        self._first_line: SimpleQueue[bytes] = SimpleQueue()
        self._farewell: str | None = None
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                parent_watchdog.command(module, *arguments),
                cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                start_new_session=True,  # Ctrl-C in a terminal is for us; we stop the service
            )
        assert self.process.stdout is not None
        self._reader = Thread(target=self._read, args=(self.process.stdout,), daemon=True)
        self._reader.start()

    def announcement(self) -> dict[str, Any]:
        """Return what the program said when it began to listen; waits until it does.

        Raises:
            CannotRun: it ended first, or took too long; the message holds what it wrote last.
        """
        try:
            line = self._first_line.get(timeout=START_LIMIT_S)
        except Empty:
            raise CannotRun(
                f"{self.module} did not start in {START_LIMIT_S} s: {self._last_words()}"
            ) from None
        if not line:
            self.process.wait()
            self.require_running()
        announcement: dict[str, Any] = json.loads(line)
        return announcement

    def require_running(self) -> None:
        """Check that the program is there.

        Raises:
            CannotRun: it ended; the message is its last sentence, or says what it wrote last.
        """
        if self.process.poll() is not None:
            self._reader.join()
            raise CannotRun(self._farewell or f"{self.module} ended: {self._last_words()}")

    def stop(self, grace_s: float = 5) -> None:
        """End the program: ask, wait, insist."""
        self.process.terminate()
        try:
            self.process.wait(grace_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self._reader.join()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def _read(self, output: IO[bytes]) -> None:
        """Hand on the first line, keep the one that ``give_up`` prints, log all others.

        The end of the file counts as an empty line.
        """
        for number, line in enumerate(iter(output.readline, b"")):
            if line.startswith(FAREWELL):
                self._farewell = json.loads(line)["problem"]
            elif number == 0:
                self._first_line.put(line)
            else:
                with suppress(OSError), self._log.open("ab") as log:
                    log.write(line)
        self._first_line.put(b"")

    def _last_words(self) -> str:
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            lines = log.read().decode(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"nothing was written to {self._log}"


def give_up(problem: CannotRun) -> NoReturn:
    """End this program at once, from any thread, and tell whoever started it why."""
    print(json.dumps({"problem": str(problem)}), flush=True)
    os._exit(2)


def start_emulator(
    *, wait_scale: float, logs: Path, aws_port: int = 0, api_port: int = 0, state: Path | None = None
) -> Service:
    """Start ``local.emulator``; its announcement holds ``awsPort`` and ``apiPort``.

    ``state`` is the folder that keeps tables, objects and secrets; without it nothing is kept.
    """
    options: dict[str, object] = {
        "--aws-port": aws_port,
        "--api-port": api_port,
        "--wait-scale": wait_scale,
        "--logs": logs.resolve(),
        **({"--state": state.resolve()} if state else {}),
    }
    words = (str(word) for option in options.items() for word in option)
    return Service("local.emulator", *words, logs=logs)
