import json
import os
import shutil
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from character_identity.domain.errors import InvalidRequest
from character_identity.domain.similarity import Embedding, cosine
from functions.score_image.encoder import OnnxEncoder, threads


def image(colour: str) -> bytes:
    file = BytesIO()
    Image.linear_gradient("L").convert("RGB").point(lambda value: value // 2).save(file, "PNG")
    gradient = Image.open(file)
    blended = Image.blend(gradient, Image.new("RGB", gradient.size, colour), 0.5)
    out = BytesIO()
    blended.save(out, "PNG")
    return out.getvalue()


def embedded(encoder: OnnxEncoder, *images: bytes) -> list[Embedding]:
    views = encoder.embed(images)
    assert not any(isinstance(each, InvalidRequest) for each in views)
    return [each.embedding for each in views if not isinstance(each, InvalidRequest)]


def test_an_embedding_is_a_unit_vector_and_the_same_every_time(tiny_encoder: Path) -> None:
    encoder = OnnxEncoder(tiny_encoder, memory_mb=3008)

    red, blue = embedded(encoder, image("red"), image("blue"))

    assert len(red) == json.loads((tiny_encoder / "encoder.json").read_text())["dimensions"]
    assert sum(value * value for value in red) == pytest.approx(1, abs=1e-5)
    assert list(embedded(OnnxEncoder(tiny_encoder, memory_mb=3008), image("red"), image("blue"))[0]) == list(
        red
    )
    assert cosine(red, blue) < 0.999


@pytest.mark.parametrize("count", [1, 7, 8, 9, 17])
def test_an_embedding_is_the_same_in_whatever_company(tiny_encoder: Path, count: int) -> None:
    """One vector for each picture, in their order, with refusals in the place of those that have none."""
    encoder = OnnxEncoder(tiny_encoder, memory_mb=3008)
    colours = ["red", "blue", "green", "white", "orange"]
    alone = {colour: embedded(encoder, image(colour))[0] for colour in colours}
    asked = [colours[number % 5] for number in range(count)]

    found = encoder.embed([b"<html>", *(image(colour) for colour in asked), b""])

    assert [isinstance(each, InvalidRequest) for each in found] == [True, *[False] * count, True]
    for colour, view in zip(asked, found[1:-1], strict=True):
        assert not isinstance(view, InvalidRequest)
        assert list(view.embedding) == pytest.approx(list(alone[colour]), abs=1e-5)


def test_nothing_is_embedded_of_nothing(tiny_encoder: Path) -> None:
    assert OnnxEncoder(tiny_encoder, memory_mb=3008).embed([]) == []


def test_the_version_says_what_an_embedding_depends_on(tiny_encoder: Path) -> None:
    description = json.loads((tiny_encoder / "encoder.json").read_text())

    version = OnnxEncoder(tiny_encoder, memory_mb=3008).version

    assert version == ("tiny", description["weightsSha256"], "bicubic-12-crop-12-v2")


def test_the_model_is_not_loaded_before_it_is_needed(tiny_encoder: Path, tmp_path: Path) -> None:
    shutil.copy(tiny_encoder / "encoder.json", tmp_path)  # and no model

    encoder = OnnxEncoder(tmp_path, memory_mb=3008)

    assert encoder.version.encoder == "tiny"
    [refused] = encoder.embed([b"not a picture"])
    assert isinstance(refused, InvalidRequest)
    with pytest.raises(ValueError, match="make it again"):
        encoder.embed([image("red")])


def test_weights_are_laid_out_for_the_processor_once_there_is_a_second_batch(
    tiny_encoder: Path, tmp_path: Path
) -> None:
    weights = shutil.copytree(tiny_encoder, tmp_path / "weights")
    encoder = OnnxEncoder(weights, memory_mb=3008)

    first, second = (embedded(encoder, image("red"))[0] for _ in range(2))
    for part in weights.glob("model-*.onnx"):
        part.unlink()
    third = embedded(encoder, image("red"))[0]

    assert list(second) == pytest.approx(list(first), abs=1e-5)
    assert list(third) == list(second)


def test_an_encoder_made_for_another_preprocessing_is_refused(tiny_encoder: Path, tmp_path: Path) -> None:
    description = json.loads((tiny_encoder / "encoder.json").read_text())
    description["preprocessing"] = "bicubic-12-crop-12-v0"
    (tmp_path / "encoder.json").write_text(json.dumps(description))

    with pytest.raises(ValueError, match="made for bicubic-12-crop-12-v0"):
        OnnxEncoder(tmp_path, memory_mb=3008)


@pytest.mark.parametrize(
    ("memory_mb", "count"), [(128, 1), (1769, 1), (2048, 1), (3008, 2), (3538, 2), (5307, 3), (10_240, 4)]
)
def test_there_are_as_many_threads_as_the_memory_pays_for(
    memory_mb: int, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 4)

    assert threads(memory_mb) == count
