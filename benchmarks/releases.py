"""The code of a release with its layers, as Lambda has them: what ships today, and what shipped before."""

import io
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from local.errors import CannotRun
from local.lambda_sandbox import Function
from local.packages import PYTHON_VERSION, ROOT, runtime_packages
from local.preparation import architecture
from scripts.atomic import new_folder
from scripts.build_layers import build_layers
from scripts.openapi import write_openapi

BASELINE = "9695f39"
"""The last commit before cold starts were worked on."""
RELEASES = ROOT / ".build" / "releases"
WHAT_SHIPS = ("functions", "layers", "scripts")


@dataclass(frozen=True)
class Release:
    """Where the functions and the layers of a release lie."""

    functions: Path
    layers: tuple[Path, ...]

    def has(self, name: str) -> bool:
        """Return whether it has a function of this name."""
        return (self.functions / name).is_dir()

    def function(self, name: str, environment: dict[str, str]) -> Function:
        """One of its functions, as the local runtime starts them."""
        return Function(
            name=name,
            handler="handler.lambda_handler",
            task_root=self.functions / name,
            import_path=(*(layer / "python" for layer in self.layers), runtime_packages()),
            environment={"POWERTOOLS_SERVICE_NAME": name, **environment},
            timeout_s=10,
        )


def today() -> Release:
    """The working tree with the layers and the document that ship."""
    write_openapi()
    return Release(ROOT / "functions", build_layers(architecture(), PYTHON_VERSION))


def without_bytecode(release: Release, folder: Path) -> Release:
    """The same release with copies of its layers that Python has to compile."""
    ignored = shutil.ignore_patterns("__pycache__")
    copies = [shutil.copytree(layer, folder / layer.name, ignore=ignored) for layer in release.layers]
    return Release(release.functions, tuple(copies))


def baseline() -> Release:
    """The baseline from the history, with layers that its own script builds; kept for the next time.

    Raises:
        CannotRun: the history is not there, or pip could not build.
    """
    release = RELEASES / BASELINE
    if not release.is_dir():
        with new_folder(release) as building:
            with tarfile.open(fileobj=io.BytesIO(_archive())) as archive:
                archive.extractall(building, filter="data")
            _build_layers(building)
    (dependencies,) = (release / ".build" / "layers").iterdir()
    return Release(release / "functions", (release / "layers" / "core", dependencies))


def _archive() -> bytes:
    done = subprocess.run(
        ["git", "archive", BASELINE, *WHAT_SHIPS], cwd=ROOT, capture_output=True, check=False
    )
    if done.returncode:
        raise CannotRun(
            f"There is nothing to compare with: commit {BASELINE} is not in this copy of the history, "
            f"which may be shallow (git fetch --unshallow). git says: {done.stderr.decode().strip()}"
        )
    return done.stdout


def _build_layers(release: Path) -> None:
    command = [sys.executable, "-m", "scripts.build_layers"]
    command += ["--architecture", architecture(), "--python", PYTHON_VERSION]
    done = subprocess.run(command, cwd=release, capture_output=True, text=True, check=False)
    if done.returncode:
        raise CannotRun(f"The layers of {BASELINE} could not be built: {done.stderr.strip()}")
