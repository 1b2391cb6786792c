"""The templates, synthesised once per session and without the layers."""

import json
from pathlib import Path

import pytest

from tests.infra.template import Template

ACCOUNT = "123456789012"


@pytest.fixture(scope="session")
def cloud_assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ships: stage prod, arm64."""
    return synthesise(tmp_path_factory.mktemp("prod"), "prod")


@pytest.fixture(scope="session")
def template(cloud_assembly: Path) -> Template:
    """What ships."""
    return template_in(cloud_assembly)


@pytest.fixture(scope="session")
def local_assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that runs on one machine: stage dev, x86_64."""
    return synthesise(tmp_path_factory.mktemp("dev"), "dev", architecture="x86_64")


@pytest.fixture(scope="session")
def local_template(local_assembly: Path) -> Template:
    """What runs on one machine."""
    return template_in(local_assembly)


def template_in(assembly: Path) -> Template:
    """Read the template of a cloud assembly."""
    return Template(json.loads((assembly / "CharacterIdentity.template.json").read_text()))


def synthesise(folder: Path, stage: str, *, architecture: str = "arm64", region: str | None = None) -> Path:
    """Write a cloud assembly into a folder: for one region, or as it ships, for any."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CDK_VALIDATION", "false")
        environment.setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20")
        # Imported late: it starts a Node process, which the other tests can do without.
        import aws_cdk as cdk

        from infra.stack import ARCHITECTURES, CharacterIdentity
        from infra.stages import read_stage

        layers = {name: folder / name for name in ("core", "dependencies", "provenance", "evaluation")}
        for layer in layers.values():
            layer.mkdir()
            (layer / "stub.py").touch()
        app = cdk.App(outdir=str(folder / "cdk.out"), analytics_reporting=False)
        CharacterIdentity(
            app,
            stage=read_stage(stage),
            architecture=ARCHITECTURES[architecture],
            core=layers["core"],
            dependencies=layers["dependencies"],
            provenance=layers["provenance"],
            evaluation=layers["evaluation"],
            env=cdk.Environment(account=ACCOUNT, region=region) if region else None,
        )
        app.synth()
    return folder / "cdk.out"
