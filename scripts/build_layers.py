"""Builds the layers for Lambda, bytecode included, with pip and compileall: no Docker, no compiler.

A folder's name holds a hash of what went in: a layer that is there is the right one, and needs no network.
"""

import argparse
import compileall
import hashlib
import io
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import NamedTuple

from scripts.atomic import new_folder
from scripts.digest import digest
from scripts.package_index import no_index_for, out_of_reach

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "layers" / "core"
EVALUATION = ROOT / "layers" / "evaluation"
REQUIREMENTS = ROOT / "layers" / "dependencies" / "requirements.txt"
SIGNING = ROOT / "layers" / "provenance" / "requirements.txt"
LAYERS = ROOT / ".build" / "layers"
PYTHON = "3.13"  # the runtime of the functions
UNPACKED = "/opt"  # where Lambda has a layer's files

# Lambda's Python 3.13 runs on Amazon Linux 2023, which has glibc 2.34. pip knows no "up to 2.34".
MACHINES = {"arm64": "aarch64", "x86_64": "x86_64"}
TAGS = ("manylinux2014", "manylinux_2_28", "manylinux_2_34")


class Layers(NamedTuple):
    """The folders of the layers. The packages lie in ``python/``, which is what Lambda puts on the path."""

    core: Path
    dependencies: Path
    provenance: Path
    evaluation: Path


def build_layers(architecture: str, python: str = PYTHON) -> Layers:
    """Build what is not there yet; a sentence on standard error says when it ships without bytecode.

    Raises:
        RuntimeError: pip could not install, or a source does not compile; the message holds what was said.
    """
    if not compiles_for(python):
        running = f"{sys.version_info.major}.{sys.version_info.minor}"
        print(
            f"Python {running} cannot write bytecode for {python}: without it every cold start compiles.",
            file=sys.stderr,
        )
    return Layers(
        core=core_layer(python),
        dependencies=dependency_layer(architecture, python),
        provenance=dependency_layer(architecture, python, requirements=SIGNING, alone=True),
        evaluation=core_layer(python, source=EVALUATION),
    )


def core_layer(python: str = PYTHON, *, source: Path = CORE, layers: Path = LAYERS) -> Path:
    """The folder of the layer with our own package."""

    def fill(layer: Path) -> None:
        ignored = shutil.ignore_patterns("__pycache__", ".DS_Store")
        shutil.copytree(source, layer, dirs_exist_ok=True, ignore=ignored)

    return _built(layers / source.name, digest(source, ["."]), python, fill)


def dependency_layer(
    architecture: str,
    python: str = PYTHON,
    *,
    requirements: Path = REQUIREMENTS,
    layers: Path = LAYERS,
    alone: bool = False,
) -> Path:
    """The folder of a layer with third-party packages; ``alone``: without what these depend on."""
    platforms = [f"{tag}_{MACHINES[architecture]}" for tag in TAGS]
    recipe = "\n".join([requirements.read_text(encoding="utf-8"), *platforms])
    name = f"{requirements.parent.name}-{architecture}"
    return _built(
        layers / name,
        recipe,
        python,
        lambda layer: _install(requirements, layer / "python", python, platforms, alone),
    )


def compiles_for(python: str) -> bool:
    """Return True if the Python that runs us writes the bytecode that ``python`` reads."""
    return python == f"{sys.version_info.major}.{sys.version_info.minor}"


def _built(layer: Path, recipe: str, python: str, fill: Callable[[Path], None]) -> Path:
    """The folder that ``fill`` makes of a recipe, compiled; its name goes on with Python and hash."""
    compiler = sys.version if compiles_for(python) else ""
    made_from = hashlib.sha256("\n".join([recipe, python, compiler]).encode()).hexdigest()[:12]
    layer = layer.with_name(f"{layer.name}-python{python.replace('.', '')}-{made_from}")
    if not layer.is_dir():
        with new_folder(layer) as building:
            fill(building)
            if compiler:
                _compile(building)
    return layer


def _compile(layer: Path) -> None:
    """Write bytecode that Python takes without a look at its source, and that names no path of this machine.

    Lambda's copy of a layer is read-only and has other times than the sources here: bytecode that is missing,
    or that is checked by time, is compiled again at every cold start.
    """
    complaints = io.StringIO()
    with redirect_stdout(complaints):
        compiled = compileall.compile_dir(
            layer,
            quiet=1,
            stripdir=layer,
            prependdir=UNPACKED,
            invalidation_mode=PycInvalidationMode.UNCHECKED_HASH,
        )
    if not compiled:
        raise RuntimeError(f"A source of the layer does not compile:\n{complaints.getvalue()}")


def _install(requirements: Path, target: Path, python: str, platforms: list[str], alone: bool) -> None:
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
        "--no-compile",
    ]
    command += ["--no-deps"] if alone else []
    command += ["--require-hashes", "--requirement", str(requirements), "--target", str(target)]
    command += ["--only-binary=:all:", "--implementation", "cp", "--python-version", python]
    command += [f"--platform={platform}" for platform in platforms]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        if out_of_reach(done.stderr):
            raise RuntimeError(no_index_for(os.path.relpath(requirements)))
        raise RuntimeError(f"pip could not build the layer:\n{done.stderr or done.stdout}")
    # Commands of the packages: of no use in a layer, and they name the interpreter that built it.
    shutil.rmtree(target / "bin", ignore_errors=True)
    for path in target.rglob("*.rlib"):  # for linking with Rust: larger than the library that is loaded
        path.unlink()


def size_mb(folder: Path) -> float:
    """Bytes in a folder, in millions."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) / 1e6


def main() -> int:
    """Build the layers and print where they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", choices=MACHINES, default="arm64")
    parser.add_argument("--python", default=PYTHON)
    options = parser.parse_args()
    try:
        layers = build_layers(options.architecture, options.python)
    except RuntimeError as problem:
        print(problem, file=sys.stderr)
        return 1
    for layer in layers:
        print(f"{os.path.relpath(layer)}: {size_mb(layer):.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
