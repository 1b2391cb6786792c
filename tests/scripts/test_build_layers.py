"""The layer of packages, built from wheels that the test makes: no index, no network."""

import zipfile
from pathlib import Path

import pytest

from scripts.build_layers import dependency_layer


def _wheel(folder: Path, name: str, tag: str, source: str) -> None:
    metadata = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1.0-{tag}.whl", "w") as wheel:
        wheel.writestr(f"{name}.py", source)
        wheel.writestr(f"{metadata}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{metadata}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{metadata}/RECORD", "")


@pytest.fixture
def requirements(tmp_path: Path) -> Path:
    """Pins of one package with a wheel for each machine, and of nothing else."""
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for tag, source in (
        ("cp313-cp313-manylinux_2_28_aarch64", "BUILT_FOR = 'arm64'\n"),
        ("cp313-cp313-manylinux2014_x86_64", "BUILT_FOR = 'x86_64'\n"),
        ("cp312-cp312-manylinux2014_x86_64", "BUILT_FOR = 'x86_64, Python 3.12'\n"),
    ):
        _wheel(wheels, "tiny", tag, source)
    path = tmp_path / "dependencies" / "requirements.txt"
    path.parent.mkdir()
    path.write_text(f"--no-index\n--find-links {wheels}\ntiny==1.0\n")
    return path


@pytest.mark.parametrize(
    ("architecture", "python", "expected"),
    [("arm64", "3.13", "arm64"), ("x86_64", "3.13", "x86_64"), ("x86_64", "3.12", "x86_64, Python 3.12")],
)
def test_packages_are_built_for_the_machine_and_the_python_that_will_run_them(
    requirements: Path, tmp_path: Path, architecture: str, python: str, expected: str
) -> None:
    layer = dependency_layer(architecture, python, requirements=requirements, layers=tmp_path / "layers")
    assert (layer / "python" / "tiny.py").read_text() == f"BUILT_FOR = '{expected}'\n"


def test_a_layer_that_is_there_is_used_again_without_the_wheels(requirements: Path, tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    first = dependency_layer("x86_64", requirements=requirements, layers=layers)
    for wheel in (tmp_path / "wheels").iterdir():
        wheel.unlink()
    assert dependency_layer("x86_64", requirements=requirements, layers=layers) == first
    assert [path.name for path in layers.iterdir()] == [first.name]


def test_changed_requirements_make_another_layer(requirements: Path, tmp_path: Path) -> None:
    layers = tmp_path / "layers"
    first = dependency_layer("x86_64", requirements=requirements, layers=layers)
    requirements.write_text(f"# changed\n{requirements.read_text()}")
    assert dependency_layer("x86_64", requirements=requirements, layers=layers) != first


def test_a_build_that_fails_says_why_and_leaves_nothing_behind(requirements: Path, tmp_path: Path) -> None:
    requirements.write_text(f"{requirements.read_text()}absent==1.0\n")
    layers = tmp_path / "layers"
    with pytest.raises(RuntimeError, match="absent"):
        dependency_layer("x86_64", requirements=requirements, layers=layers)
    assert list(layers.iterdir()) == []
