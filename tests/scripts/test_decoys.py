"""The decoys that ship, and how they are made."""

import json
from pathlib import Path

import pytest
from PIL import Image

from character_identity.domain.face import Box, Face
from character_identity.domain.view import EncoderVersion
from functions.score_image import encoder
from functions.score_image.encoder import DECOYS, OnnxEncoder
from scripts import decoys
from scripts.decoys import main
from scripts.weights.build import build
from scripts.weights.encoders import ENCODERS
from tests.scripts.weights import tiny_tower


def test_what_ships_is_of_an_encoder_as_it_is_exported_now() -> None:
    files = sorted(DECOYS.iterdir())
    assert files
    for file in files:
        known, described = json.loads(file.read_text()), ENCODERS[file.stem].description()
        for name in ("encoder", "weightsSha256", "preprocessing"):
            assert known[name] == described[name], f"{file.name} is stale: python -m scripts.decoys makes it"


def test_decoys_count_for_their_own_version_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build(tiny_tower.tiny_encoder(tiny_tower.published_tower(tmp_path)), tmp_path)
    pictures = [tmp_path / f"{colour}.png" for colour in ("red", "navy", "white")]
    for picture in pictures:
        Image.new("RGB", (20, 20), picture.stem).save(picture)
    monkeypatch.setattr(encoder, "DECOYS", tmp_path / "decoys")
    assert OnnxEncoder(folder, 1769).decoy is None

    main([str(folder), *map(str, pictures)], tmp_path / "decoys")

    decoy = OnnxEncoder(folder, 1769).decoy
    assert decoy is not None
    [file] = (tmp_path / "decoys").iterdir()
    known = json.loads(file.read_text())
    assert list(known["decoys"]) == ["red", "navy", "white"]
    assert sum(value * value for value in decoy) ** 0.5 <= 1.001, "a mean of unit vectors"
    file.write_text(json.dumps({**known, "weightsSha256": "another"}))
    assert OnnxEncoder(folder, 1769).decoy is None


def test_a_picture_that_cannot_be_embedded_ends_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = build(tiny_tower.tiny_encoder(tiny_tower.published_tower(tmp_path)), tmp_path)
    (tmp_path / "page.png").write_bytes(b"<html>")
    with pytest.raises(SystemExit):
        main([str(folder), str(tmp_path / "page.png")], tmp_path / "decoys")
    assert "page.png: The file cannot be read" in capsys.readouterr().err
    assert not (tmp_path / "decoys").exists()


def test_of_strangers_faces_only_the_mean_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Faces:
        version = EncoderVersion("face-tiny", "0f1e", "v1")

        def faces(self, image: bytes) -> list[Face]:
            colour = image.decode()
            return (
                [] if colour == "grey" else [Face({"red": [1, 0], "blue": [0, 1]}[colour], Box(0, 0, 1, 1))]
            )

    monkeypatch.setattr(decoys, "FaceEncoder", lambda folder, memory_mb: Faces())
    for colour in ("red", "blue", "grey"):
        (tmp_path / colour).write_text(colour)
    main(["face-tiny", str(tmp_path / "red"), str(tmp_path / "blue")], tmp_path / "decoys")
    monkeypatch.setattr(encoder, "DECOYS", tmp_path / "decoys")
    assert list(encoder.mean_decoy(Faces.version) or ()) == [0.5, 0.5]
    [file] = (tmp_path / "decoys").iterdir()
    assert list(json.loads(file.read_text())["decoys"]) == ["mean of 2"]
    with pytest.raises(SystemExit):
        main(["face-tiny", str(tmp_path / "grey")], tmp_path / "decoys")
