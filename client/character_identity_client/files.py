"""Files that are whole or not there."""

from pathlib import Path
from tempfile import TemporaryDirectory


def write_file(file: Path, content: bytes) -> None:
    """Write a file in one step: who looks finds all of it or none."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=file.parent, prefix=".") as scratch:
        unfinished = Path(scratch) / file.name
        unfinished.write_bytes(content)
        unfinished.replace(file)
