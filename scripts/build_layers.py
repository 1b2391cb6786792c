"""Builds the layer of third-party packages for Lambda, with pip alone: no Docker, no compiler.

The folder's name holds a hash of what went in: a layer that is there is the right one, and needs no network.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.atomic import new_folder

ROOT = Path(__file__).resolve().parents[1]
REQUIREMENTS = ROOT / "layers" / "dependencies" / "requirements.txt"
LAYERS = ROOT / ".build" / "layers"

# Lambda's Python 3.13 runs on Amazon Linux 2023, which has glibc 2.34. pip knows no "up to 2.34".
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
TAGS = ("manylinux2014", "manylinux_2_28", "manylinux_2_34")


def dependency_layer(
    architecture: str, python: str = "3.13", *, requirements: Path = REQUIREMENTS, layers: Path = LAYERS
) -> Path:
    """The folder of the layer; built when it is not there yet.

    The packages lie under ``python/``, which is what Lambda puts on the path.

    Raises:
        RuntimeError: pip could not install; the message holds what it said.
    """
    platforms = [f"{tag}_{MACHINES[architecture]}" for tag in TAGS]
    recipe = "\n".join([requirements.read_text(encoding="utf-8"), python, *platforms])
    digest = hashlib.sha256(recipe.encode()).hexdigest()[:12]
    layer = layers / f"{requirements.parent.name}-{architecture}-python{python.replace('.', '')}-{digest}"
    if layer.is_dir():
        return layer
    with new_folder(layer) as building:
        _install(requirements, building / "python", python, platforms)
    return layer


def _install(requirements: Path, target: Path, python: str, platforms: list[str]) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
    ]
    command += ["--requirement", str(requirements), "--target", str(target), "--only-binary=:all:"]
    command += ["--implementation", "cp", "--python-version", python]
    command += [f"--platform={platform}" for platform in platforms]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"pip could not build the layer:\n{done.stderr or done.stdout}")
    # Commands of the packages: of no use in a layer, and they name the interpreter that built it.
    shutil.rmtree(target / "bin", ignore_errors=True)


def size_mb(folder: Path) -> float:
    """Bytes in a folder, in millions."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def main() -> int:
    """Build one layer and print where it is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", choices=MACHINES, default="arm64")
    parser.add_argument("--python", default="3.13")
    options = parser.parse_args()
    try:
        layer = dependency_layer(options.architecture, options.python)
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        return 1
    print(f"{os.path.relpath(layer)}: {size_mb(layer):.1f} MB of packages for {options.architecture}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
