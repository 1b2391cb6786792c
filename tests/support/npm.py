"""Packages of npm for tests: those that a folder's lock pins by hash, in ``.build``."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.waiting import HANGS_AFTER_S

BUILD = Path(__file__).parents[2] / ".build"
RETRIES = ("--fetch-retries", "1", "--fetch-timeout", "60000")
INSTALL = ("npm", "ci", "--ignore-scripts", "--no-fund", "--no-audit", *RETRIES)


def installed(folder: Path) -> Path:
    """The ``node_modules`` of what a folder's ``package-lock.json`` pins; installed once."""
    if shutil.which("npm") is None:
        pytest.fail(
            "Node and npm are needed; scripts/bootstrap puts them into .venv/bin where there are none"
        )
    place = BUILD / folder.name
    wanted = json.loads((folder / "package.json").read_text())["dependencies"]
    if any(_version(place, name) != version for name, version in wanted.items()):
        place.mkdir(parents=True, exist_ok=True)
        for file in ("package.json", "package-lock.json"):
            shutil.copy(folder / file, place)
        subprocess.run(INSTALL, cwd=place, check=True, timeout=HANGS_AFTER_S)
    return place / "node_modules"


def _version(place: Path, name: str) -> str | None:
    package = place / "node_modules" / name / "package.json"
    return str(json.loads(package.read_text())["version"]) if package.exists() else None
