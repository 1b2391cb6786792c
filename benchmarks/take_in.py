"""``python benchmarks/take_in.py FOLDER WAIT_S``: takes in the pictures of a folder, alone on one core.

It runs on the package that lies on its path, of whichever release, and prints what it took as JSON. Hosts and
S3 are this process: each answer takes WAIT_S seconds.
"""

import json
import os
import resource
import sys
import time
from inspect import signature
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from character_identity.services.references import ReferenceService


class Elsewhere:
    """The media client, the bucket, the notes of what is stored, and an encoder that nobody can reach."""

    def __init__(self, folder: Path, wait_s: float) -> None:
        self._folder = folder
        self._wait_s = wait_s
        self.stored: list[int] = []

    def fetch(self, url: str, limit_bytes: int, timeout_s: float = 20) -> bytes:
        time.sleep(self._wait_s)
        return (self._folder / url.rpartition("/")[2]).read_bytes()

    def write(self, key: str, content: bytes, content_type: str) -> None:
        time.sleep(self._wait_s)
        self.stored.append(len(content))

    def analyze(self, images: list[bytes]) -> None:
        return None

    look = analyze  # as it was called before

    def begin(self, owner: str, subject_id: str) -> None:
        time.sleep(self._wait_s)


def main(folder: Path, wait_s: float) -> None:
    """Take the pictures in once."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    elsewhere = Elsewhere(folder, wait_s)
    make: Any = ReferenceService
    needed = [name for name, each in signature(make).parameters.items() if each.default is each.empty]
    service = make(**{name: (lambda: "id") if name == "new_id" else elsewhere for name in needed})
    links = [f"https://files.test/{path.name}" for path in sorted(folder.iterdir())]
    begun, cpu = time.perf_counter(), time.process_time()
    service.take_in("ann", "i1", links, SimpleNamespace(minimum=1, maximum=20))
    print(
        json.dumps(
            {
                "wall_s": time.perf_counter() - begun,
                "cpu_s": time.process_time() - cpu,
                "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
                "stored_mb": sum(elsewhere.stored) / 1e6,
            }
        )
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
