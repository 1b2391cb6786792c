"""The template, synthesised once per session and architecture, without the layers."""

import json
from pathlib import Path

import pytest

from tests.infra.template import Template


@pytest.fixture(scope="session")
def cloud_assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that ships: arm64."""
    return _synthesise(tmp_path_factory.mktemp("arm64"))


@pytest.fixture(scope="session")
def template(cloud_assembly: Path) -> Template:
    """What ships."""
    return _template(cloud_assembly)


@pytest.fixture(scope="session")
def local_template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    """What runs on one machine: x86_64, stage dev."""
    return _template(_synthesise(tmp_path_factory.mktemp("x86_64"), architecture="x86_64", is_dev=True))


def _template(assembly: Path) -> Template:
    return Template(json.loads((assembly / "CharacterIdentity.template.json").read_text()))


def _synthesise(folder: Path, *, architecture: str = "arm64", is_dev: bool = False) -> Path:
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("CDK_VALIDATION", "false")
        environment.setenv("JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION", "18,20")
        # Imported late: it starts a Node process, which the other tests can do without.
        import aws_cdk as cdk

        from infra.stack import ARCHITECTURES, CharacterIdentity

        layers = {name: folder / name for name in ("core", "dependencies")}
        for layer in layers.values():
            layer.mkdir()
            (layer / "stub.py").touch()
        app = cdk.App(outdir=str(folder / "cdk.out"), analytics_reporting=False)
        CharacterIdentity(
            app,
            "CharacterIdentity",
            architecture=ARCHITECTURES[architecture],
            core=layers["core"],
            dependencies=layers["dependencies"],
            removal=cdk.RemovalPolicy.DESTROY if is_dev else cdk.RemovalPolicy.RETAIN,
        )
        app.synth()
    return folder / "cdk.out"
