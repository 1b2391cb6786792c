"""What the layers' bytecode saves: starts of a few functions with it and without it, in turns.

In turns, so that both see the same machine: other work slows both, and their ratio stays.
"""

import shutil
import statistics
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.table import Table

from local.lambda_pool import Pool
from local.lambda_sandbox import Function
from local.packages import PYTHON_VERSION, ROOT, runtime_packages
from local.preparation import architecture
from scripts.build_layers import build_layers

FUNCTIONS = ("get_identity", "create_identity", "proxy_fal_lora_train")
STARTS = 5


@dataclass(frozen=True)
class Pair:
    """Init times of one function in milliseconds, in the order of the starts."""

    function: str
    without: Sequence[float]
    shipped: Sequence[float]


def main() -> int:
    """Measure and print."""
    try:
        layers = build_layers(architecture(), PYTHON_VERSION)
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        return 1
    pool = Pool()
    try:
        with TemporaryDirectory() as folder:
            sources = [_sources(layer, Path(folder) / layer.name) for layer in layers]
            pairs = [_pair(pool, name, sources, layers) for name in FUNCTIONS]
    finally:
        pool.stop()
    Console().print(table(pairs))
    return 0


def table(pairs: Iterable[Pair]) -> Table:
    """The medians of both, and the part that is left."""
    result = Table(title=f"Init ms without and with the layers' bytecode, median of {STARTS} in turns")
    for heading in ("function", "without", "with", "ratio"):
        result.add_column(heading, justify="left" if heading == "function" else "right")
    for pair in pairs:
        without, shipped = statistics.median(pair.without), statistics.median(pair.shipped)
        result.add_row(pair.function, f"{without:.0f}", f"{shipped:.0f}", f"{shipped / without:.2f}")
    return result


def _sources(layer: Path, copy: Path) -> Path:
    return shutil.copytree(layer, copy, ignore=shutil.ignore_patterns("__pycache__"))


def _pair(pool: Pool, name: str, sources: Sequence[Path], layers: Sequence[Path]) -> Pair:
    for each in (sources, layers):  # once for nothing: files that nobody read yet are slower
        _start(pool, name, each)
    turns = [(_start(pool, name, sources), _start(pool, name, layers)) for _ in range(STARTS)]
    return Pair(name, [without for without, _ in turns], [shipped for _, shipped in turns])


def _start(pool: Pool, name: str, layers: Sequence[Path]) -> float:
    """The init time of a new sandbox; what the function answers to nothing is not looked at."""
    function = Function(
        name=name,
        handler="handler.lambda_handler",
        task_root=ROOT / "functions" / name,
        import_path=(*(layer / "python" for layer in layers), runtime_packages()),
        environment={"POWERTOOLS_SERVICE_NAME": name},
        timeout_s=10,
    )
    init_ms = pool.invoke(function, b"{}").report.init_ms
    assert init_ms is not None, "a new function starts cold"
    return init_ms
