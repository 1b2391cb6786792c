"""The template as a person makes it: by app.py in a process of its own."""

import json
import os
import sys
from importlib.util import cache_from_source
from pathlib import Path

import pytest

from scripts.synth import SynthesisFailed, synthesise

pytestmark = pytest.mark.processes


def test_it_writes_the_template_that_runs_on_one_machine(tmp_path: Path) -> None:
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    mask = os.umask(0o077)  # whoever deploys may be a careful person
    try:
        template = synthesise(tmp_path / "cdk.out", architecture="x86_64", python=running, stage="dev")
    finally:
        os.umask(mask)
    resources = json.loads(template.read_text())["Resources"]
    (table,) = (each for each in resources.values() if each["Type"] == "AWS::DynamoDB::Table")
    assert table["DeletionPolicy"] == "Delete"
    layers = [
        each["Properties"] for each in resources.values() if each["Type"] == "AWS::Lambda::LayerVersion"
    ]
    assert [layer["CompatibleArchitectures"] for layer in layers] == [["x86_64"]] * 4
    shipped = list((tmp_path / "cdk.out").glob("asset.*/python/**/*.py"))
    assert {"httpx", "character_identity"} <= {path.parent.name for path in shipped}
    assert [path for path in shipped if not Path(cache_from_source(path)).exists()] == []
    modes = {path: path.stat().st_mode for path in (tmp_path / "cdk.out").rglob("*")}
    assert [path for path, mode in modes.items() if mode & 0o444 != 0o444] == [], "Lambda's user cannot read"
    assert [path for path, mode in modes.items() if path.is_dir() and mode & 0o555 != 0o555] == []


@pytest.mark.parametrize(
    ("options", "said"),
    [({"architecture": "mips"}, "mips"), ({"stage": "production"}, "stages/ has dev, prod")],
)
def test_a_failure_shows_what_app_py_wrote(tmp_path: Path, options: dict[str, str], said: str) -> None:
    with pytest.raises(SynthesisFailed, match=said):
        synthesise(tmp_path / "cdk.out", **options)  # type: ignore[arg-type]  # texts, all of them


def test_without_a_stage_it_is_the_one_that_keeps_its_data() -> None:
    settings = json.loads((Path(__file__).parents[2] / "cdk.json").read_text())
    assert settings["context"]["stage"] == "prod"
