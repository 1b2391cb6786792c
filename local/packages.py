"""Folders of Python packages for the functions, installed by pip once and kept under ``.local``."""

import hashlib
import subprocess
import sys
from pathlib import Path

from local.errors import CannotRun
from scripts.atomic import new_folder
from scripts.package_index import no_index_for, out_of_reach

ROOT = Path(__file__).parents[1]
STATE = ROOT / ".local"
RUNTIME_REQUIREMENTS = Path(__file__).with_name("runtime-requirements.txt")
PYTHON_VERSION = f"{sys.version_info.major}.{sys.version_info.minor}"


def runtime_packages(state: Path = STATE) -> Path:
    """The folder that stands in for ``/var/runtime``: AWS's runtime client and boto3."""
    return installed(RUNTIME_REQUIREMENTS, state, "runtime")


def runtime_packages_there(state: Path = STATE) -> bool:
    """Return True if ``runtime_packages`` has nothing to install."""
    return _folder(RUNTIME_REQUIREMENTS, state, "runtime").exists()


def installed(requirements: Path, state: Path, name: str) -> Path:
    """The folder with the packages of a requirements file; installs them if they are not there.

    They are for the Python that runs us: another version has another folder.
    """
    folder = _folder(requirements, state, name)
    if folder.exists():
        return folder
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-warn-conflicts",
        *("--retries", "1", "--timeout", "10"),
    ]
    with new_folder(folder) as unfinished:
        command += ["--target", str(unfinished), "--requirement", str(requirements)]
        pip = subprocess.run(command, capture_output=True, text=True)
        if pip.returncode:
            raise CannotRun(_why(requirements, pip.stderr))
    return folder


def _why(requirements: Path, said: str) -> str:
    """Return what pip said, in one sentence; of a package index that does not answer it says a lot."""
    if out_of_reach(said):
        return no_index_for(requirements)
    lines = said.strip().splitlines() or ["it said nothing"]
    first = next((line for line in lines if line.startswith("ERROR")), lines[-1])
    return f"pip could not install {requirements}: {first}"


def _folder(requirements: Path, state: Path, name: str) -> Path:
    digest = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    return state / f"{name}-{PYTHON_VERSION}-{digest}"
