"""How much memory hostile inputs take at their peak: each fetch, upload, archive, weights file and decode.

Every entry of the corpora that is read from bytes is tried, and the largest pictures that are allowed. A peak
is what is resident beyond what was before, as Linux counts it: what C libraries take is in it.
"""

import ctypes
import gc
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from PIL import Image
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from character_identity.compat.archives import MAX_ARCHIVE_BYTES, images_in
from character_identity.domain.errors import ServiceError
from character_identity.images.decoding import inspect, prepare
from character_identity.images.opening import MAX_PIXELS, MAX_WEBP_PIXELS
from character_identity.outbound.lora_file import MAX_HEADER_BYTES, check_weights
from character_identity.outbound.safe_http import MAX_UPLOAD_ANSWER_BYTES, SafeHttpClient
from character_identity.services.references import MAX_KEPT_BYTES
from character_identity.services.sources import MAX_BYTES
from local.errors import CannotRun
from tests.corpora import archives, images, weights
from tests.support.http import EVERYWHERE

MOST_OVER_MB = 100
MB = 1024 * 1024
CHUNK = bytes(MB)
LARGE = (7000, 7000)
URL = "https://files.test/x"
SELF = Path("/proc/self")

Case = tuple[str, Callable[[], Any]]


@dataclass(frozen=True)
class Reading:
    """One way to read bytes of strangers: ``cap_mb`` is what it may keep, so much at least it needs."""

    name: str
    cap_mb: float
    cases: Callable[[], Iterator[Case]]


@dataclass(frozen=True)
class Peak:
    """The highest of all cases of a reading."""

    name: str
    cases: int
    cap_mb: float
    peak_mb: float
    worst: str

    @property
    def over_mb(self) -> float:
        return max(self.peak_mb - self.cap_mb, 0)


def main() -> int:
    """Measure all, and name what takes too much."""
    try:
        peaks = [highest(reading.name, reading.cap_mb, reading.cases()) for reading in READINGS]
    except CannotRun as problem:
        print(problem, file=sys.stderr)
        return 1
    Console(width=110).print(table(peaks))
    found = list(problems(peaks))
    for sentence in found:
        print(sentence)
    return len(found[:1])


def highest(name: str, cap_mb: float, cases: Iterable[Case]) -> Peak:
    """Run every case, and keep the one that took most."""
    measured = [(peak_mb(work), case) for case, work in cases]
    peak, worst = max(measured)
    return Peak(name, len(measured), cap_mb, peak, worst)


def peak_mb(work: Callable[[], Any]) -> float:
    """Return how much more is resident at the peak of a piece of work than before it, which may be refused.

    Raises:
        CannotRun: this system does not count it.
    """
    gc.collect()
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what the cases before have left to the allocator
    try:
        (SELF / "clear_refs").write_text("5")  # begin the peak anew: proc(5)
        before = _status_mb("VmRSS")
        with suppress(ServiceError):
            work()
        return _status_mb("VmHWM") - before
    except OSError as problem:
        raise CannotRun(f"Peaks of memory are counted on Linux only: {problem}") from problem


def _status_mb(field: str) -> float:
    found = re.search(rf"^{field}:\s+(\d+) kB$", (SELF / "status").read_text(), re.MULTILINE)
    if found is None:
        raise OSError(f"no {field}")
    return int(found[1]) / 1024


def fetches() -> Iterator[Case]:
    """What a host may answer to a fetch."""
    yield "all that is allowed", lambda: client(MAX_BYTES // MB).fetch(URL, MAX_BYTES)
    yield "a chunk too much", lambda: client(MAX_BYTES // MB + 1).fetch(URL, MAX_BYTES)
    yield "no end", lambda: client(100_000).fetch(URL, MAX_BYTES)
    packed = {"Content-Encoding": "gzip"}
    yield "packed", lambda: client(100_000, packed).fetch(URL, MAX_BYTES)
    yield "another length", lambda: client(100_000, {"Content-Length": "1"}).fetch(URL, MAX_BYTES)
    yield "only its start is wanted", lambda: client(100_000).fetch_start(URL, MB)


def uploads() -> Iterator[Case]:
    """What a provider's storage may answer to an upload."""
    for name, chunks in (("nothing", 0), ("a megabyte", 1), ("no end", 100_000)):
        yield name, lambda chunks=chunks: client(chunks).put(URL, CHUNK, "image/jpeg")  # type: ignore[misc]


def client(chunks: int, headers: dict[str, str] | None = None) -> SafeHttpClient:
    """The way out to a host that answers with so many megabytes."""

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, headers=headers, content=(CHUNK for _ in range(chunks)))

    return SafeHttpClient(EVERYWHERE, httpx.MockTransport(answer))


def unpacked() -> Iterator[Case]:
    for entry in archives.entries():
        yield entry.name, lambda content=entry.given: images_in(content)  # type: ignore[misc]


def checked_weights() -> Iterator[Case]:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "lora.safetensors"
        for entry in weights.entries():
            path.write_bytes(entry.given)
            yield entry.name, lambda: check_weights(path)


def decoded() -> Iterator[Case]:
    for entry in images.entries():
        yield entry.name, lambda content=entry.given: prepare(content, MAX_KEPT_BYTES)  # type: ignore[misc]
        yield f"{entry.name}, looked at", lambda content=entry.given: inspect(content)  # type: ignore[misc]


def largest_decoded(
    mode: str, image_format: str, size: tuple[int, int] = LARGE, **options: Any
) -> Callable[[], Iterator[Case]]:
    """A picture of as many pixels as are allowed."""

    def cases() -> Iterator[Case]:
        content = images.saved(Image.new(mode, size, 90), image_format, **options)
        yield "as a reference", lambda: prepare(content, MAX_KEPT_BYTES)
        yield "as a result", lambda: inspect(content)

    return cases


PICTURE_MB = MAX_PIXELS * 4 / MB
"""Of a decoded picture: Pillow takes four bytes for a pixel of colour."""
WEBP_MB = MAX_WEBP_PIXELS * 4 / MB
READINGS = (
    Reading("fetch", MAX_BYTES / MB, fetches),
    Reading("upload", MAX_UPLOAD_ANSWER_BYTES / MB, uploads),
    Reading("archive", MAX_ARCHIVE_BYTES / MB, unpacked),
    Reading("weights", MAX_HEADER_BYTES / MB, checked_weights),
    Reading("picture of the corpus", PICTURE_MB, decoded),
    Reading("49 megapixels, JPEG", PICTURE_MB, largest_decoded("RGB", "JPEG")),
    Reading("49 megapixels, progressive", PICTURE_MB, largest_decoded("RGB", "JPEG", progressive=True)),
    Reading("49 megapixels, PNG", PICTURE_MB, largest_decoded("RGB", "PNG")),
    Reading("49 megapixels, CMYK", PICTURE_MB, largest_decoded("CMYK", "JPEG")),
    Reading("49 megapixels, grey of 16 bits", PICTURE_MB, largest_decoded("I;16", "PNG")),
    # The picture, and it on white.
    Reading("49 megapixels, transparent", 2 * PICTURE_MB, largest_decoded("RGBA", "PNG")),
    # libwebp keeps two canvases, Pillow the frame's bytes and the picture.
    Reading("29 megapixels, WebP", 4 * WEBP_MB, largest_decoded("RGB", "WEBP", (5400, 5400))),
)


def problems(peaks: Iterable[Peak]) -> Iterator[str]:
    """Sentences on what takes too much."""
    for peak in peaks:
        if peak.over_mb > MOST_OVER_MB:
            yield f"{peak.name}: {peak.over_mb:.0f} MB over its cap, more than {MOST_OVER_MB}: {peak.worst}."


def table(peaks: Iterable[Peak]) -> Table:
    """One row for each reading."""
    result = Table(title="Memory at its peak, in MB", box=SIMPLE_HEAD)
    for column in ("read", "cases", "cap", "peak", "over", "worst"):
        result.add_column(column, justify="left" if column in {"read", "worst"} else "right")
    for peak in peaks:
        figures = (f"{peak.cap_mb:.1f}", f"{peak.peak_mb:.0f}", f"{peak.over_mb:.0f}")
        result.add_row(peak.name, str(peak.cases), *figures, peak.worst)
    return result
