"""Makes what a local run needs and does not find: template, packages, weights, image functions."""

from __future__ import annotations

import fcntl
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from local import image_function, packages
from local.deploy import Assembly
from local.errors import CannotRun
from local.packages import PYTHON_VERSION, ROOT, STATE
from scripts.digest import digest

CDK_OUT = STATE / "cdk.out"
SYNTHESIS_INPUTS = ("app.py", "cdk.json", "infra", "functions", "layers", "scripts", "stages")
WRITTEN_MEANWHILE = ("functions/show_openapi/openapi.json",)
"""By the synthesis itself, from its inputs: as one of them it would have the next process begin again."""
STAGE = "dev"
STAMP = "inputs.sha256"
OLDEST_NODE = 20  # what the CDK 2.275 supports

WEIGHTS = ROOT / ".build" / "weights"
ENCODER, FALLBACK_ENCODER = "clip-vit-b32", "efficientnet-lite0"
FACE_ENCODER = "face-dlib-resnet-v1"
NO_FACES = STATE / "no-faces"

Report = Callable[[str], None]


def prepare(report: Report) -> Assembly:
    """Make all that is missing, what is independent at the same time; the assembly to deploy.

    Raises:
        CannotRun: something could not be made.
    """
    with _alone(), ThreadPoolExecutor() as workers:
        runtime = workers.submit(_runtime, report)
        weights = workers.submit(_weights, report)
        faces = workers.submit(_face_weights, report)
        assembly = _synthesised(report)
        stages = {"weights": weights.result(), "faces": faces.result()}
        for tag, image in assembly.assets.get("dockerImages", {}).items():
            source = image["source"]
            context = assembly.folder / source["directory"]
            dockerfile = source.get("dockerFile", "Dockerfile")
            image_function.prepare(context, dockerfile, tag, stages)
        runtime.result()
    return assembly


def architecture() -> str:
    """The architecture of this machine, in Lambda's words."""
    return "arm64" if platform.machine() in ("aarch64", "arm64") else "x86_64"


def _synthesised(report: Report) -> Assembly:
    inputs = f"{digest(ROOT, SYNTHESIS_INPUTS, WRITTEN_MEANWHILE)} {architecture()} {PYTHON_VERSION}"
    stamp = CDK_OUT / STAMP
    if not stamp.exists() or stamp.read_text() != inputs:
        _require_node()
        report("Writing the CloudFormation template (CDK)")
        shutil.rmtree(CDK_OUT, ignore_errors=True)
        _run(
            "scripts.synth",
            *("--stage", STAGE, "--architecture", architecture(), "--python", PYTHON_VERSION),
            *("--output", str(CDK_OUT)),
        )
        stamp.write_text(inputs)
    return Assembly.read(CDK_OUT)


def _runtime(report: Report) -> None:
    if not packages.runtime_packages_there():
        report("Installing Lambda's runtime client and boto3")
    packages.runtime_packages()


def _weights(report: Report) -> Path:
    """The folder with the image encoder: CLIP if somebody made it, else the small one that stands in.

    Asked for each time: weights that an earlier release made are made anew where this one needs others.
    """
    encoder = ENCODER if (WEIGHTS / ENCODER).exists() else FALLBACK_ENCODER
    if not (WEIGHTS / encoder).exists():
        report("Making the fallback encoder's weights")
    _run("scripts.weights", encoder)
    return WEIGHTS / encoder


def _face_weights(report: Report) -> Path:
    """The folder with the face encoder; an empty one, and it is said, where its weights cannot be had."""
    if not (WEIGHTS / FACE_ENCODER).exists():
        report("Fetching the face encoder's weights (100 MB, of which 32 are kept)")
    try:
        _run("scripts.weights", FACE_ENCODER)
    except CannotRun as problem:
        report(f"Faces are not compared: {problem}")
        NO_FACES.mkdir(parents=True, exist_ok=True)
        return NO_FACES
    return WEIGHTS / FACE_ENCODER


def _run(module: str, *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments], cwd=ROOT, capture_output=True, text=True
    )
    if done.returncode:
        words = (done.stderr or done.stdout).strip().splitlines() or ["it said nothing"]
        raise CannotRun(f"python -m {module} {' '.join(arguments)} failed: {words[-1]}")


def _require_node() -> None:
    node = shutil.which("node")
    if node is None:
        raise CannotRun(f"The CDK needs Node.js {OLDEST_NODE} or later; no `node` was found.")
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout.strip()
    if int(version.removeprefix("v").split(".")[0] or 0) < OLDEST_NODE:
        raise CannotRun(f"The CDK needs Node.js {OLDEST_NODE} or later; `node` is {version}.")


@contextmanager
def _alone() -> Iterator[None]:
    """One run prepares at a time; another one that starts meanwhile waits, and then finds all things made."""
    STATE.mkdir(exist_ok=True)
    with (STATE / "preparation.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
