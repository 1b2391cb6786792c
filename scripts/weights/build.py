"""Makes an encoder's folder: fetch, read, export, describe, put in place in one step."""

import fcntl
import json
import tempfile
from pathlib import Path

from scripts.weights.encoders import Encoder
from scripts.weights.sources import fetch


def build(encoder: Encoder, build_folder: Path) -> Path:
    """Return ``weights/<encoder>`` in ``build_folder``: its files, encoder.json; make it unless it is there.

    Raises:
        WeightsUnavailable: the published weights cannot be had, or are not the recorded ones.
        BadCheckpoint: they cannot be read.
    """
    folder = build_folder / "weights" / encoder.name
    description = json.dumps(encoder.description(), indent=2) + "\n"
    if _holds(folder, description):
        return folder
    downloads = build_folder / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    with (downloads / f"{encoder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # whoever wants the same meanwhile waits, and fetches nothing
        if not _holds(folder, description):
            _make(encoder, downloads, folder, description)
    return folder


def _make(encoder: Encoder, downloads: Path, folder: Path, description: str) -> None:
    published = [fetch(source, downloads) for source in encoder.sources]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        encoder.make(published, made)
        (made / "encoder.json").write_text(description)
        _let_everybody_read(made)
        if folder.exists():
            folder.rename(Path(scratch) / "old")
        made.rename(folder)


def _holds(folder: Path, description: str) -> bool:
    file = folder / "encoder.json"
    return file.exists() and file.read_text() == description


def _let_everybody_read(folder: Path) -> None:
    """Lambda runs an image as a user of its own, and exporters write large constants for theirs only."""
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)
