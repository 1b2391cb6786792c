import tarfile
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest

from scripts.weights import faces
from scripts.weights.checkpoint import BadCheckpoint
from scripts.weights.faces import EYES, FACE_DLIB, FACE_SFACE, NETWORK, TURNED

MEMBERS = (EYES, TURNED, NETWORK)


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive laid out as the published one, whose files are a word each, which is the recorded one."""
    path = tmp_path / "archive.tar.gz"
    content = {member.published_as: member.name.encode() for member in MEMBERS}
    content["shape_predictor_68_face_landmarks.dat"] = b"not for commercial use"
    folder = EYES.path.removesuffix(EYES.published_as)
    with tarfile.open(path, "w:gz") as tar:
        for name, words in content.items():
            entry = tarfile.TarInfo(folder + name)
            entry.size = len(words)
            tar.addfile(entry, BytesIO(words))
    for name, member in (("EYES", EYES), ("TURNED", TURNED), ("NETWORK", NETWORK)):
        recorded = replace(member, sha256=sha256(member.name.encode()).hexdigest())
        monkeypatch.setattr(faces, name, recorded)
    return path


def names(folder: Path) -> set[str]:
    return {file.name for file in folder.iterdir()}


def made(folder: Path) -> Path:
    (folder / "made").mkdir()
    return folder / "made"


def test_three_files_are_taken_and_what_bars_commercial_use_is_not(archive: Path, tmp_path: Path) -> None:
    folder = made(tmp_path)
    FACE_DLIB.make([archive], folder)
    assert names(folder) == {"eyes.dat", "turned.dat", "network.dat"}
    assert (folder / "network.dat").read_bytes() == b"network.dat"


def test_a_network_of_its_own_takes_the_place_of_dlibs(archive: Path, tmp_path: Path) -> None:
    network = tmp_path / "downloaded.onnx"
    network.write_bytes(b"a network")
    folder = made(tmp_path)
    FACE_SFACE.make([archive, network], folder)
    assert names(folder) == {"eyes.dat", "turned.dat", "network.onnx"}
    assert (folder / "network.onnx").read_bytes() == b"a network"


def test_files_that_are_not_the_recorded_ones_are_refused(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faces, "EYES", EYES)
    with pytest.raises(BadCheckpoint, match=f"not the recorded {EYES.sha256}"):
        FACE_DLIB.make([archive], made(tmp_path))


@pytest.mark.parametrize("content", [b"<html>", b""])
def test_what_is_no_archive_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "archive.tar.gz"
    path.write_bytes(content)
    with pytest.raises(BadCheckpoint, match=r"archive\.tar\.gz"):
        FACE_DLIB.make([path], made(tmp_path))


def test_an_archive_without_the_files_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "archive.tar.gz"
    with tarfile.open(path, "w:gz"):
        pass
    with pytest.raises(BadCheckpoint, match=EYES.published_as):
        FACE_DLIB.make([path], made(tmp_path))


def test_each_encoder_is_named_by_its_network() -> None:
    assert FACE_DLIB.description()["weightsSha256"] == NETWORK.sha256
    assert FACE_DLIB.name.startswith("face-dlib")
    assert FACE_SFACE.network is not None
    assert FACE_SFACE.description()["weightsSha256"] == FACE_SFACE.network.sha256
