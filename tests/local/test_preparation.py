"""Preparation makes what a run needs when it is missing or out of date, and only then."""

import shutil
import subprocess
from pathlib import Path

import pytest

from local import preparation
from local.errors import CannotRun

INPUTS = ("app.py", "functions")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    for name in ("app.py", "functions/a/handler.py", "README.md"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


@pytest.fixture
def synthesised(project: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The modules that were run to write a template into the project, and a file among its inputs."""
    ran: list[str] = []

    def write_template(module: str, *arguments: str) -> None:
        ran.append(module)
        (described,) = preparation.WRITTEN_MEANWHILE
        (project / described).parent.mkdir(parents=True, exist_ok=True)
        (project / described).write_text(str(len(ran)))
        preparation.CDK_OUT.mkdir()
        manifest = '{"artifacts": {"Stack": {"type": "aws:cloudformation:stack"}}}'
        (preparation.CDK_OUT / "manifest.json").write_text(manifest)

    monkeypatch.setattr(preparation, "ROOT", project)
    monkeypatch.setattr(preparation, "CDK_OUT", project / "cdk.out")
    monkeypatch.setattr(preparation, "SYNTHESIS_INPUTS", INPUTS)
    monkeypatch.setattr(preparation, "_run", write_template)
    return ran


@pytest.mark.processes
def test_the_template_is_written_again_only_after_a_change(project: Path, synthesised: list[str]) -> None:
    phases: list[str] = []
    for _ in range(2):
        assert preparation._synthesised(phases.append).stack == "Stack"
    assert (len(synthesised), len(phases)) == (1, 1)
    (project / "app.py").write_text("changed")
    preparation._synthesised(phases.append)
    assert (len(synthesised), len(phases)) == (2, 2)


def test_a_missing_node_is_named(synthesised: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(CannotRun, match=r"needs Node\.js 20 or later; no `node` was found\.$"):
        preparation._synthesised(lambda phase: None)


def test_an_old_node_is_named(synthesised: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: "node")
    done = subprocess.CompletedProcess(["node"], 0, stdout="v18.2.0\n")
    monkeypatch.setattr(subprocess, "run", lambda *words, **options: done)
    with pytest.raises(CannotRun, match=r"`node` is v18\.2\.0\.$"):
        preparation._synthesised(lambda phase: None)


@pytest.mark.parametrize("there", [[], ["efficientnet-lite0"], ["efficientnet-lite0", "clip-vit-b32"]])
def test_weights_of_an_earlier_release_are_made_anew(
    there: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(preparation, "WEIGHTS", tmp_path)
    monkeypatch.setattr(preparation, "_run", lambda *words: ran.append(words))
    for name in there:
        (tmp_path / name).mkdir()
    encoder = "clip-vit-b32" if "clip-vit-b32" in there else "efficientnet-lite0"
    assert preparation._weights(lambda phase: None) == tmp_path / encoder
    assert preparation._face_weights(lambda phase: None) == tmp_path / "face-dlib-resnet-v1"
    assert ran == [("scripts.weights", encoder), ("scripts.weights", "face-dlib-resnet-v1")]


def test_without_the_face_encoders_weights_faces_are_not_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They come as a source archive, which not every mirror of packages has."""

    def refuse(*words: str) -> None:
        raise CannotRun("cannot fetch the source archive")

    monkeypatch.setattr(preparation, "WEIGHTS", tmp_path)
    monkeypatch.setattr(preparation, "NO_FACES", tmp_path / "state" / "no-faces")
    monkeypatch.setattr(preparation, "_run", refuse)
    said: list[str] = []
    assert list(preparation._face_weights(said.append).iterdir()) == []
    assert said[-1] == "Faces are not compared: cannot fetch the source archive"
