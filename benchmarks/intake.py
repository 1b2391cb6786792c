"""What taking in a full set of photographs costs on one core, beside an earlier release."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.releases import BASELINE, Release, baseline, today
from local.errors import CannotRun
from local.packages import runtime_packages
from local.photographs import CHELSEA, EILEEN

COUNT, SIZE = 20, (6000, 4000)
"""As many references as are taken, of 24 megapixels each."""
WAIT_S = 0.1
"""For each answer of a host or of S3."""
MOST_CPU_S = 10.0
"""Of the 29 s that a request has, of which the encoder takes 12 at most."""
ONCE = Path(__file__).with_name("take_in.py")


@dataclass(frozen=True)
class Intake:
    """What one intake took: wall time and CPU time in s, memory at its peak, what was stored in MB."""

    wall_s: float
    cpu_s: float
    peak_mb: int
    stored_mb: float


def main() -> int:
    """Measure both releases once; name it if the present one takes too long."""
    try:
        with TemporaryDirectory() as folder:
            write_photographs(Path(folder), COUNT, SIZE)
            results = {
                f"commit {BASELINE}": taken_in(baseline(), Path(folder), WAIT_S),
                "now": taken_in(today(), Path(folder), WAIT_S),
            }
    except CannotRun as problem:
        print(problem, file=sys.stderr)
        return 1
    Console().print(table(results))
    for sentence in problems(results["now"]):
        print(sentence)
    return 0


def write_photographs(folder: Path, count: int, size: tuple[int, int]) -> None:
    """Write different JPEGs with the grain of a camera, which scaled pictures do not have."""
    grain = Image.effect_noise(size, 24).convert("RGB")
    for number in range(count):
        with Image.open((EILEEN, CHELSEA)[number % 2].path) as photograph:
            left, top = (number % 5) * photograph.width // 40, (number // 5) * photograph.height // 40
            view = photograph.crop((left, top, photograph.width - left, photograph.height - top))
            out = BytesIO()
            Image.blend(view.convert("RGB").resize(size), grain, 0.2).save(out, "JPEG", quality=92)
        (folder / f"{number:02d}.jpg").write_bytes(out.getvalue())


def taken_in(release: Release, folder: Path, wait_s: float) -> Intake:
    """Take in the photographs of a folder with a release, in a process of its own."""
    path = [*(str(layer / "python") for layer in release.layers), str(runtime_packages())]
    done = subprocess.run(
        [sys.executable, str(ONCE), str(folder), str(wait_s)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotRun(f"The intake could not be measured: {done.stderr.strip()}")
    return Intake(**json.loads(done.stdout))


def problems(now: Intake) -> Iterator[str]:
    """Sentences on what takes longer than it may."""
    if now.cpu_s > MOST_CPU_S:
        yield f"The intake takes {now.cpu_s:.1f} s of CPU, more than {MOST_CPU_S:.0f}."


def table(results: Mapping[str, Intake]) -> Table:
    """One row for each release."""
    title = f"{COUNT} references of {SIZE[0]}x{SIZE[1]}, {WAIT_S * 1000:.0f} ms an answer"
    result = Table(title=title, box=SIMPLE_HEAD)
    columns: Sequence[str] = ("release", "wall s", "CPU s", "peak MB", "stored MB")
    for column in columns:
        result.add_column(column, justify="left" if column == "release" else "right")
    for name, each in results.items():
        figures = (f"{each.wall_s:.1f}", f"{each.cpu_s:.1f}", str(each.peak_mb), f"{each.stored_mb:.1f}")
        result.add_row(name, *figures)
    return result
