"""Makes an encoder's folder: fetch, read, export, describe, put in place in one step."""

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
    published = [fetch(source, build_folder / "downloads") for source in encoder.sources]
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        encoder.make(published, made)
        (made / "encoder.json").write_text(description)
        _let_everybody_read(made)
        _replace(folder, made, Path(scratch) / "old", description)
    return folder


def _holds(folder: Path, description: str) -> bool:
    file = folder / "encoder.json"
    return file.exists() and file.read_text() == description


def _let_everybody_read(folder: Path) -> None:
    """Lambda runs an image as a user of its own, and exporters write large constants for theirs only."""
    folder.chmod(0o755)
    for file in folder.iterdir():
        file.chmod(0o644)


def _replace(folder: Path, made: Path, old: Path, description: str) -> None:
    try:
        if folder.exists():
            folder.rename(old)
        made.rename(folder)
    except OSError:
        if not _holds(folder, description):  # else another process made the same in the meantime
            raise
