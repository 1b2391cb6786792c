"""Puts finished files and folders in place in one step: who looks finds all or nothing, never a half."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_file(file: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file in place of the one before."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=".") as scratch:
        unfinished = Path(scratch) / file.name
        unfinished.touch(mode)
        unfinished.write_bytes(content)
        unfinished.replace(file)


@contextmanager
def new_folder(folder: Path) -> Iterator[Path]:
    """A folder to fill, which becomes ``folder`` if nothing fails.

    If somebody else has made ``folder`` meanwhile, theirs stays: it holds the same, for its name says what.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as scratch:
        unfinished = Path(scratch) / folder.name
        unfinished.mkdir()
        yield unfinished
        try:
            unfinished.rename(folder)
        except OSError:
            if not folder.is_dir():
                raise
