"""The scorer beside the specification's script and beside transformers, and beside what this machine can do.

Weights are random, of the exact architecture of CLIP ViT-B/32: speed does not depend on them, and any two
engines have to agree on them. Engines take turns, so that whatever else the machine does meets both.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from PIL import Image

from character_identity.domain.similarity import cosine
from character_identity.images.decoding import decode
from functions.score_image.encoder import MB_PER_VCPU
from functions.score_image.preprocessing import Preprocessing
from local.packages import ROOT, runtime_packages
from local.photographs import EILEEN
from scripts.atomic import new_folder
from scripts.weights.encoders import EXPORT_VERSION

FOLDER = ROOT / ".build" / "scoring"
HERE = Path(__file__).parent
ROUNDS_COLD, ROUNDS_WARM = 5, 15
BATCH = 8
FLOP_PER_IMAGE = 8.23e9
"""Of ViT-B/32 at 224 pixels with the last block for the class token only; multiply-adds count twice."""
TOKENS = 50
"""The height of one picture's products; a batch multiplies it."""
CLOSE = 0.002
"""As similarities may differ from transformers'."""


@dataclass(frozen=True)
class Process:
    """What a process took: wall time in s and memory at its peak in MB."""

    seconds: float
    peak_mb: float


@dataclass(frozen=True)
class Bar:
    """A ratio that was measured, and what it has to be."""

    what: str
    ratio: float
    limit: float
    at_least: bool

    @property
    def holds(self) -> bool:
        """True if it is as it has to be."""
        return self.ratio >= self.limit if self.at_least else self.ratio <= self.limit

    def __str__(self) -> str:
        sign = "at least" if self.at_least else "at most"
        return f"{self.what:66} {self.ratio:8.2f}  {sign} {self.limit:g}{'' if self.holds else '   MISSED'}"


def main() -> int:
    """Print times and ratios; 1 if a bar is missed, or the numbers are not transformers'."""
    python, model, weights = environment(), tower(), exported()
    with TemporaryDirectory() as scratch:
        pictures = photographs(Path(scratch), BATCH + 2)
        pair = [str(path) for path in pictures[:2]]
        theirs_cold, ours_cold = [], []
        for _ in range(ROUNDS_COLD):
            theirs_cold.append(process([str(python), str(HERE / "specified.py"), str(model), *pair]))
            ours_cold.append(process([sys.executable, str(HERE / "ours.py"), "once", str(weights), *pair]))
        cores = os.cpu_count() or 1
        serving = [str(python), str(HERE / "theirs.py"), "serve", str(model), str(cores)]
        scoring = [sys.executable, str(HERE / "ours.py"), "serve", str(weights), str(cores * MB_PER_VCPU)]
        batch, one = [str(path) for path in pictures[:BATCH]], [str(pictures[BATCH])]
        with worker(serving) as theirs, worker(scoring) as ours:
            compared = [in_turns(theirs, ours, paths, ROUNDS_WARM) for paths in (batch, one)]
            apart = furthest(theirs(batch)["vectors"], ours(batch)["vectors"])
        (theirs_batch, ours_batch), (theirs_one, ours_one) = compared
        decode = decoding(pictures[:BATCH])
    wide, narrow = product(BATCH * TOKENS), product(TOKENS)
    print(
        f"matrix product, fp32: {wide / 1e9:.0f} GFLOP/s for a batch of {BATCH}, {narrow / 1e9:.0f} for one"
    )
    print(f"decoding and resizing: {decode * 1000:.1f} ms a picture on one core")
    for name, cold, some, single in (
        ("the specification's script, transformers 4", theirs_cold, theirs_batch, theirs_one),
        ("ours", ours_cold, ours_batch, ours_one),
    ):
        print(
            f"{name}: cold pair {median(each.seconds for each in cold):.2f} s and "
            f"{median(each.peak_mb for each in cold):.0f} MB; warm, one picture {single * 1000:.1f} ms, "
            f"a batch of {BATCH} {some / BATCH * 1000:.1f} ms a picture"
        )
    allowed = max(FLOP_PER_IMAGE / wide, decode / cores) * BATCH  # decoded while the model is at work
    bars = [
        Bar("cold pair, times faster than the script", speed(theirs_cold, ours_cold), 10, True),
        Bar("peak memory, of the script's", memory(ours_cold, theirs_cold), 0.45, False),
        Bar(f"batch of {BATCH}, of what product and decoding allow", allowed / ours_batch, 0.85, True),
        Bar(
            "one picture, times its products and decoding",
            ours_one / (FLOP_PER_IMAGE / narrow + decode),
            1.2,
            False,
        ),
        Bar(f"batch of {BATCH}, times faster than transformers batched", theirs_batch / ours_batch, 1, True),
        Bar("one picture, times faster than transformers", theirs_one / ours_one, 1, True),
    ]
    for bar in bars:
        print(bar)
    print(f"similarities differ by {apart:.6f} at most")
    return 0 if all(bar.holds for bar in bars) and apart <= CLOSE else 1


def environment() -> Path:
    """Return the Python of an environment with torch and transformers, made at first use."""
    folder = FOLDER / "environment"
    if not folder.is_dir():
        with new_folder(folder) as making:
            subprocess.run([sys.executable, "-m", "venv", making], check=True)
            pip = [str(making / "bin" / "python"), "-m", "pip", "install", "--quiet", "--requirement"]
            subprocess.run([*pip, str(HERE / "requirements.txt")], check=True)
    return folder / "bin" / "python"


def tower() -> Path:
    """Return a model of the true size with random weights, as transformers saves one."""
    folder = FOLDER / "model"
    if not folder.is_dir():
        with new_folder(folder) as making:
            subprocess.run([environment(), HERE / "theirs.py", "make", making], check=True)
    return folder


def exported() -> Path:
    """Return the same tower as our exporter lays it out."""
    folder = FOLDER / f"weights-{EXPORT_VERSION}"
    if not folder.is_dir():
        with new_folder(folder) as making:
            command = [sys.executable, str(HERE / "ours.py"), "export", str(making), str(tower())]
            subprocess.run(command, env=_environment(), check=True)
    return folder


def photographs(folder: Path, count: int) -> list[Path]:
    """Write pictures of 1024 x 1024 pixels, each another view of one photograph."""
    paths = []
    with Image.open(EILEEN.path) as photograph:
        side = min(photograph.size) - 4 * count
        for number in range(count):
            view = photograph.convert("RGB").crop(
                (4 * number, 4 * number, 4 * number + side, 4 * number + side)
            )
            paths.append(folder / f"{number}.jpg")
            view.resize((1024, 1024)).save(paths[-1], quality=90)
    return paths


def process(command: Sequence[str]) -> Process:
    """Run a process to its end. Its peak is at least ours now, so nothing large is done here."""
    began = time.perf_counter()
    child = subprocess.Popen(command, env=_environment(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert child.stderr is not None
    said = child.stderr.read()
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - began
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise RuntimeError(f"{command[1]} failed: {said.decode()[-2000:]}")
    return Process(seconds, usage.ru_maxrss / 1024)


@contextmanager
def worker(command: Sequence[str]) -> Iterator[Callable[[Sequence[str]], Any]]:
    """A process that answers one line with one line, until the block ends."""
    with subprocess.Popen(
        command, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        stdin, stdout = child.stdin, child.stdout
        assert stdin is not None and stdout is not None

        def ask(paths: Sequence[str]) -> Any:
            print(json.dumps(paths), file=stdin, flush=True)
            return json.loads(stdout.readline())

        yield ask


def in_turns(
    one: Callable[[Sequence[str]], Any],
    other: Callable[[Sequence[str]], Any],
    paths: Sequence[str],
    rounds: int,
) -> tuple[float, float]:
    """Return the median seconds of both, after one call each that loads what is loaded once."""
    took: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for place, engine in enumerate((one, other)):
            seconds = engine(paths)["seconds"]
            if number:
                took[place].append(seconds)
    return median(took[0]), median(took[1])


def furthest(ones: Sequence[Sequence[float]], others: Sequence[Sequence[float]]) -> float:
    """Return by how much the similarity of any pair differs between two engines, at most."""
    pairs = [(a, b) for a in range(len(ones)) for b in range(a)]
    return max(abs(cosine(ones[a], ones[b]) - cosine(others[a], others[b])) for a, b in pairs)


def decoding(pictures: Sequence[Path]) -> float:
    """Return the median seconds from a picture's bytes to pixels, on one core."""
    preprocessing = Preprocessing(224, 224)
    contents = [path.read_bytes() for path in pictures]
    took = []
    for _ in range(3):
        for content in contents:
            began = time.perf_counter()
            preprocessing.pixels_of(decode(content))
            took.append(time.perf_counter() - began)
    return median(took)


def product(height: int, width: int = 768, inner: int = 3072) -> float:
    """Return the FLOP a second of this machine's fp32 matrix product, for a product of the tower's shape."""
    rng = np.random.default_rng(1)
    a = rng.standard_normal((height, inner), dtype=np.float32)
    b = rng.standard_normal((inner, width), dtype=np.float32)
    best = min(_timed(lambda: a @ b) for _ in range(60))
    return 2 * height * width * inner / best


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def speed(slow: Sequence[Process], fast: Sequence[Process]) -> float:
    """Return how many times as fast the second is, by their medians."""
    return median(each.seconds for each in slow) / median(each.seconds for each in fast)


def memory(small: Sequence[Process], large: Sequence[Process]) -> float:
    """Return the first one's peak as a part of the second's, by their medians."""
    return median(each.peak_mb for each in small) / median(each.peak_mb for each in large)


def _environment() -> dict[str, str]:
    path = [ROOT, ROOT / "layers" / "core" / "python", runtime_packages()]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, path)), "TOKENIZERS_PARALLELISM": "false"}
