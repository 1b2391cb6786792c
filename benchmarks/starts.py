"""What a start costs on this machine, for each function and for the whole system.

The figures compare functions and versions with each other. They are no forecast for AWS, where code is loaded
from elsewhere, on a share of a core that goes with the memory size.
"""

import io
import re
import statistics
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

STARTS = 5
BARE = "(an empty function)"
REPORT = re.compile(r"Memory Size: (\d+) MB\tMax Memory Used: (\d+) MB\tInit Duration: ([\d.]+) ms")


@dataclass(frozen=True)
class ColdStart:
    """The starts of one function: median init time, highest memory after init and one empty request."""

    function: str
    init_ms: float
    peak_memory_mb: int
    memory_mb: int


def main() -> int:
    """Measure, print, and say whether it could be done."""
    console = Console()
    started = time.monotonic()
    from local.deploy import client
    from local.errors import CannotRun
    from local.runtime import Options, running

    with TemporaryDirectory() as folder:
        try:
            with running(
                Options(logs=Path(folder), report=lambda phase: console.print(f"{phase} ..."))
            ) as system:
                ready_s = time.monotonic() - started
                headers = {"Authorization": f"Bearer {system.token}"}
                httpx.get(f"{system.api_url}/v1/providers", headers=headers, timeout=60).raise_for_status()
                answered_s = time.monotonic() - started
                lambda_client = client("lambda", system.aws_endpoint_url)
                starts = [
                    cold_start(lambda_client, name, system.logs / f"{log}.log", log)
                    for log, name in sorted(deployed(lambda_client).items())
                ]
        except CannotRun as problem:
            print(problem, file=sys.stderr)
            return 1
    console.print(f"\nFrom the start of the program: ready after {ready_s:.1f} s, ", end="")
    console.print(f"first answer of the API after {answered_s:.1f} s.\n")
    console.print(table(starts))
    return 0


def deployed(lambda_client: Any) -> dict[str, str]:
    """Name in our code and name in Lambda of all functions, among them a new one that does nothing."""
    functions = lambda_client.list_functions()["Functions"]
    names = {
        function["Environment"]["Variables"]["FUNCTION_NAME"]: function["FunctionName"]
        for function in functions
    }
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("app.py", "def handler(event, context): pass")
    lambda_client.create_function(
        FunctionName="bare",
        Runtime="python3.13",
        Role=functions[0]["Role"],
        Handler="app.handler",
        Code={"ZipFile": archive.getvalue()},
        Environment={"Variables": {"FUNCTION_NAME": BARE}},
    )
    return {**names, BARE: "bare"}


def cold_start(lambda_client: Any, name: str, log: Path, title: str) -> ColdStart:
    """Start a function a few times. Each change of its description makes the next request a cold one."""
    for number in range(STARTS):
        lambda_client.update_function_configuration(FunctionName=name, Description=f"start {number}")
        lambda_client.invoke(FunctionName=name, Payload=b"{}")
    reports = REPORT.findall(log.read_text())[-STARTS:]
    return ColdStart(
        function=title,
        init_ms=statistics.median(float(init_ms) for _, _, init_ms in reports),
        peak_memory_mb=max(int(peak_mb) for _, peak_mb, _ in reports),
        memory_mb=int(reports[-1][0]),
    )


def table(starts: list[ColdStart]) -> Table:
    """The starts, slowest first, beside the function that does nothing."""
    (bare,) = (start for start in starts if start.function == BARE)
    result = Table(title=f"Cold starts, median of {STARTS}")
    for heading in ("function", "init ms", "x empty", "peak MB", "x empty", "of its memory"):
        result.add_column(heading, justify="left" if heading == "function" else "right")
    for start in sorted(starts, key=lambda start: -start.init_ms):
        result.add_row(
            start.function,
            f"{start.init_ms:.0f}",
            f"{start.init_ms / bare.init_ms:.1f}",
            f"{start.peak_memory_mb}",
            f"{start.peak_memory_mb / bare.peak_memory_mb:.1f}",
            f"{start.peak_memory_mb / start.memory_mb:.0%}",
        )
    return result
