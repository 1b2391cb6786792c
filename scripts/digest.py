"""Names what was made from files by a hash of those files, so that equal input is known again."""

import hashlib
from collections.abc import Container, Iterable
from pathlib import Path


def digest(root: Path, names: Iterable[str], without: Container[str] = ()) -> str:
    """A hash of the content of files and folders under ``root``; caches and ``without`` are left out."""
    total = hashlib.sha256()
    for name in names:
        for path in sorted([root / name, *(root / name).rglob("*")]):
            relative = str(path.relative_to(root))
            if path.is_file() and "__pycache__" not in path.parts and relative not in without:
                total.update(f"{relative}\0{path.stat().st_size}\0".encode())
                total.update(path.read_bytes())
    return total.hexdigest()
