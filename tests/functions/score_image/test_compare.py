"""The similarity of pictures on this machine, by whatever encoder there is."""

import csv
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from io import BytesIO, StringIO
from pathlib import Path

import pytest
from PIL import Image

from character_identity.domain.face import WHY, Box, Face, NoFace
from character_identity.domain.view import EncoderVersion
from character_identity_client.pictures import CONTENT_TYPES
from functions.score_image import compare
from functions.score_image.compare import COLUMNS, SUFFIXES, main
from scripts.weights.faces import FACE_DLIB
from tests.support.waiting import HANGS_AFTER_S

README = Path(__file__).parents[3] / "README.md"


@pytest.fixture
def weights(tiny_encoder: Path, tmp_path: Path) -> Path:
    """A folder with one encoder, which is not CLIP."""
    shutil.copytree(tiny_encoder, tmp_path / "weights" / "tiny")
    return tmp_path / "weights"


def picture(path: Path, colour: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.linear_gradient("L").convert("RGB").save(path.with_suffix(".png"))
    with Image.open(path.with_suffix(".png")) as gradient:
        Image.blend(gradient, Image.new("RGB", gradient.size, colour), 0.5).save(path)
    if path.suffix != ".png":
        path.with_suffix(".png").unlink()
    return path


def at(weights: Path) -> list[str]:
    return ["--weights", str(weights)]


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(StringIO(text)))


def refusal(arguments: list[str], weights: Path) -> str:
    with pytest.raises(SystemExit) as refused:
        main([*arguments, *at(weights)])
    return str(refused.value)


def usage(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)
    return capsys.readouterr().err


def test_one_picture_with_one_is_one_line(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Also with names that a shell or a table would take for something else."""
    one = picture(tmp_path / "a b; $x = ä.jpg", "red")
    main([str(one), str(one), *at(weights)])
    assert capsys.readouterr() == ("Similarity (tiny, not CLIP): 1.0000\n", "")


def test_only_clip_is_called_clip(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And it is taken where there are two."""
    shutil.copytree(weights / "tiny", weights / "clip-vit-b32")
    described = weights / "clip-vit-b32" / "encoder.json"
    described.write_text(json.dumps({**json.loads(described.read_text()), "encoder": "clip-vit-b32"}))
    one = picture(tmp_path / "a.jpg", "red")
    main([str(one), str(one), *at(weights)])
    assert capsys.readouterr().out == "CLIP Similarity: 1.0000\n"


class Faces:
    """Sees one face in red pictures, turned away in blue ones, and none in others."""

    version = EncoderVersion("face-tiny", "0f1e", "v1")

    def faces(self, image: bytes) -> list[Face]:
        return [Face([0.6, 0.8], Box(0, 0, 1, 1))] if _colour(image) == "red" else []

    def why_none(self, image: bytes) -> NoFace:
        return "profile" if _colour(image) == "blue" else "no_face"


def _colour(content: bytes) -> str:
    with Image.open(BytesIO(content)) as image:
        red, _, blue = image.convert("RGB").resize((1, 1)).tobytes()
    return "red" if red > blue + 50 else "blue" if blue > red + 50 else "neither"


@pytest.fixture
def with_faces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compare, "face_encoder_in", lambda weights: Faces())


@pytest.mark.usefixtures("with_faces")
@pytest.mark.parametrize(
    ("reference", "generated", "line"),
    [
        ("red", "red", "Face Identity (face-tiny): 1.0000"),
        ("red", "blue", f"Face Identity (face-tiny): not scored, profile. {WHY['profile']}"),
        (
            "white",
            "red",
            f"Face Identity (face-tiny): not scored, no_reference_face. {WHY['no_reference_face']}",
        ),
    ],
)
def test_the_faces_are_compared_besides(
    reference: str,
    generated: str,
    line: str,
    weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    one, other = picture(tmp_path / "r.jpg", reference), picture(tmp_path / "g.jpg", generated)
    main([str(one), str(other), *at(weights)])
    assert capsys.readouterr().out.splitlines()[1:] == [line]


@pytest.mark.usefixtures("with_faces")
def test_each_pair_says_how_like_the_faces_are_or_why_not(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, colour in (("r/1.png", "red"), ("r/2.png", "white"), ("g/1.png", "red"), ("g/2.png", "blue")):
        picture(tmp_path / name, colour)
    (tmp_path / "g" / "3.png").write_bytes(b"<html>")
    with pytest.raises(SystemExit):
        main([str(tmp_path / "r"), str(tmp_path / "g"), *at(weights)])
    printed = rows(capsys.readouterr().out)
    assert [(row["face_similarity"], row["face_not_scored"]) for row in printed] == [
        ("1.0000", ""),
        ("", "no_reference_face"),
        ("", "profile"),
        ("", "no_reference_face"),
        ("", ""),
        ("", ""),
    ]
    assert [row["face_encoder"] for row in printed] == ["face-tiny"] * 4 + ["", ""]


def test_files_of_a_face_encoder_of_another_release_are_refused(weights: Path, tmp_path: Path) -> None:
    described = {**FACE_DLIB.description(), "preprocessing": "v0"}
    (weights / "face-dlib-resnet-v1").mkdir()
    (weights / "face-dlib-resnet-v1" / "encoder.json").write_text(json.dumps(described))
    one = picture(tmp_path / "a.jpg", "red")
    assert "scripts.weights face-dlib-resnet-v1" in refusal([str(one), str(one)], weights)


def test_folders_are_compared_many_to_many(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, colour in (
        ("r/1.jpg", "red"),
        ("r/more/2.webp", "blue"),
        ("g/1.PNG", "red"),
        ("g/2.jpeg", "green"),
        ("g/3.jfif", "green"),
        ("g/4.jpe", "green"),
    ):
        picture(tmp_path / name, colour)
    (tmp_path / "r" / "notes.txt").write_text("not a picture")
    (tmp_path / "r" / "._1.jpg").write_bytes(b"what a Mac leaves")

    main([str(tmp_path / "r"), str(tmp_path / "g"), *at(weights)])

    printed = rows(capsys.readouterr().out)
    assert tuple(printed[0]) == COLUMNS
    pairs = [(Path(row["reference"]).name, Path(row["generated"]).name) for row in printed]
    drawn = ("1.PNG", "2.jpeg", "3.jfif", "4.jpe")
    assert pairs == [(reference, each) for each in drawn for reference in ("1.jpg", "2.webp")]
    assert float(printed[0]["similarity"]) > float(printed[1]["similarity"])
    assert {(row["encoder"], row["reason"]) for row in printed} == {("tiny", "")}


def test_of_a_folder_those_are_compared_that_the_client_takes() -> None:
    assert {*CONTENT_TYPES} == SUFFIXES


def test_a_home_that_the_shell_leaves_to_others_is_found(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As zsh leaves that of ``make score REFERENCE=~/r GENERATED=~/g CSV=~/scores.csv``."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("r/1.jpg", "r/2.jpg", "g/1.jpg"):
        picture(tmp_path / name, "red")
    main(["~/r", "~/g", "--weights", "~/weights"])
    assert len(rows(capsys.readouterr().out)) == 2
    main(["~/r", "~/g", "--csv", "~/scores.csv", "--weights", "~/weights"])
    assert len(rows((tmp_path / "scores.csv").read_text(encoding="utf-8"))) == 2
    assert "no home that '~no one/r' could mean" in usage(["~no one/r", "~/g"], capsys)


def test_a_picture_that_cannot_be_read_leaves_the_others_be(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good, bad = picture(tmp_path / "g" / "1.jpg", "red"), tmp_path / "g" / "2.jpg"
    bad.write_bytes(b"<html>")
    out = tmp_path / "scores.csv"

    told = refusal([str(good), str(tmp_path / "g"), "--csv", str(out)], weights)

    assert told.startswith(f"{bad}: The file cannot be read")
    assert capsys.readouterr().out == ""
    whole, broken = rows(out.read_text())
    assert whole["similarity"] == "1.0000"
    assert (broken["similarity"], broken["reason"][:23]) == ("", "The file cannot be read")


@pytest.mark.parametrize("name", ["=HYPERLINK(1)", "\t=1"], ids=["equals", "tab"])
def test_a_name_is_no_formula(
    name: str,
    weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    picture(tmp_path / name / "1.jpg", "red")
    monkeypatch.chdir(tmp_path)
    main([name, name, *at(weights)])
    [row] = rows(capsys.readouterr().out)
    assert row["reference"] == f"./{name}/1.jpg"
    assert Path(row["reference"]).exists()


def test_a_name_in_another_encoding_can_be_written() -> None:
    """Not every system has files of such names."""
    cell = compare._cell(Path("old/caf\udce9.jpg"))
    assert cell.encode() == rb"old/caf\udce9.jpg"


def test_how_far_it_is_is_told_beside_the_rows(
    weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(10):
        picture(tmp_path / "g" / f"{number}.jpg", "red")
    main([str(tmp_path / "g" / "0.jpg"), str(tmp_path / "g"), *at(weights)])
    printed = capsys.readouterr()
    assert len(rows(printed.out)) == 10
    assert printed.err == "8 of 10 pictures\n10 of 10 pictures\n"


def test_what_stands_against_it_is_said_with_what_to_do(weights: Path, tmp_path: Path) -> None:
    one = picture(tmp_path / "a.jpg", "red")
    broken = tmp_path / "b.jpg"
    broken.write_bytes(b"")
    (tmp_path / "empty").mkdir()
    assert "there is no such file" in refusal([str(one), str(tmp_path / "none.jpg")], weights)
    assert "there is no picture in it" in refusal([str(tmp_path / "empty"), str(one)], weights)
    assert refusal([str(one), str(broken)], weights).startswith("generated: The file cannot be read")
    assert "`make weights` fetches CLIP" in refusal([str(one), str(one)], tmp_path / "nothing")
    (weights / "tiny" / "model-1.onnx").write_bytes(b"half a download")
    assert "The encoder cannot be used" in refusal([str(one), str(one)], weights)
    (weights / "tiny" / "model-1.onnx").unlink()
    assert "`make weights` fetches CLIP" in refusal([str(one), str(one)], weights)


def test_an_encoder_of_another_release_is_made_again(weights: Path, tmp_path: Path) -> None:
    described = weights / "tiny" / "encoder.json"
    described.write_text(json.dumps({**json.loads(described.read_text()), "preprocessing": "old"}))
    one = picture(tmp_path / "a.jpg", "red")
    told = refusal([str(one), str(one)], weights)
    assert "make it again" in told
    assert "`make weights`" in told


@pytest.mark.processes
def test_the_line_of_the_readme_prints_a_similarity(weights: Path) -> None:
    """With the encoder of these tests; what the line says is what a shell takes."""
    [line] = [each for each in README.read_text().splitlines() if each.startswith("make score ")]
    words = shlex.split(line, comments=True)[2:]
    options = [*words, f"WEIGHTS={weights}", f"PYTHON={sys.executable}"]
    outside_make = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    done = subprocess.run(
        ["make", "--old-file=setup", "score", *options],
        cwd=README.parent,
        env={**outside_make, "PYTHONPATH": str(README.parent / "layers/core/python")},
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_S,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"Similarity \(tiny, not CLIP\): 0\.\d{4}\n", done.stdout)
