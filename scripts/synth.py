"""Writes the CloudFormation template and its assets by running app.py, as the CDK's command line would."""

import argparse
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.build_layers import MACHINES, PYTHON

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE = "CharacterIdentity.template.json"
"""Whatever the stage calls the stack."""


class SynthesisFailed(Exception):
    """app.py did not end well; the message is what it wrote."""


def synthesise(
    output: Path,
    *,
    architecture: str = "arm64",
    python: str = PYTHON,
    stage: str | None = None,
    checks: bool = False,
) -> Path:
    """Write the cloud assembly into ``output`` and return the template's path.

    ``stage`` is the name of a file of stages/; without one it is the stage that cdk.json names. ``checks``
    fails on findings of cdk-nag and of the CDK's own validation, and takes some seconds more.

    Raises:
        SynthesisFailed: with the output of app.py.
    """
    if shutil.which("node") is None:
        raise SynthesisFailed("The CDK runs on Node.js (18 or later); `node` was not found.")
    settings = json.loads((ROOT / "cdk.json").read_text(encoding="utf-8"))
    context = {
        **settings.get("context", {}),
        "architecture": architecture,
        "python": python,
        **({"stage": stage} if stage is not None else {}),
        "checks": str(checks).lower(),
    }
    environment = {
        **os.environ,
        "CDK_OUTDIR": str(output.resolve()),
        "CDK_CONTEXT_JSON": json.dumps(context),
        "CDK_VALIDATION": str(checks).lower(),
        # Versions of Node that still work, but of which jsii would print a banner each time.
        "JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION": "18,20",
    }
    done = subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise SynthesisFailed(f"{done.stdout}{done.stderr}")
    sys.stderr.write(done.stderr)
    _let_everybody_read(output)
    return output / TEMPLATE


def _let_everybody_read(folder: Path) -> None:
    """Lambda runs zip files and images as a user of its own, and both keep the modes of what lies here."""
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))


def main() -> int:
    """Synthesise and print one line of summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--architecture", choices=MACHINES, default="arm64")
    parser.add_argument("--python", default=PYTHON, help="the version that the layers are built for")
    parser.add_argument("--stage", help="the name of a file of stages/; default: the one that cdk.json names")
    parser.add_argument("--output", type=Path, default=ROOT / "cdk.out")
    parser.add_argument("--checks", action="store_true", help="fail on findings of cdk-nag")
    options = parser.parse_args()
    try:
        template = synthesise(
            options.output,
            architecture=options.architecture,
            python=options.python,
            stage=options.stage,
            checks=options.checks,
        )
    except SynthesisFailed as problem:
        print(problem, file=sys.stderr)
        return 1
    resources = json.loads(template.read_text(encoding="utf-8"))["Resources"]
    print(f"{os.path.relpath(template)}: {len(resources)} resources for {options.architecture}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
