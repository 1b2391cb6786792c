"""The build context of the scoring image."""

import json
from pathlib import Path

import pytest

from tests.infra.template import Template

pytestmark = pytest.mark.processes

WANTED = (
    "functions/score_image/",
    "functions/analyze_images/",
    "functions/compare_images/",
    "functions/compile_evaluation/",
    "layers/core/python/",
    "layers/evaluation/python/",
    "scripts/weights/",
)


def test_it_holds_what_the_image_needs_and_nothing_else(template: Template, cloud_assembly: Path) -> None:
    image = template.functions()["score_image"]["Code"]["ImageUri"]["Fn::Sub"]
    context = cloud_assembly / f"asset.{image.rsplit(':', 1)[1]}"
    files = {str(path.relative_to(context)) for path in context.rglob("*") if path.is_file()}
    assert {next((folder for folder in WANTED if file.startswith(folder)), file) for file in files} == set(
        WANTED
    )
    assert "functions/score_image/Dockerfile" in files
    assert not [file for file in files if "__pycache__" in file]


def test_it_is_built_with_the_face_encoder_of_its_stage(cloud_assembly: Path) -> None:
    [file] = cloud_assembly.glob("*.assets.json")
    images = json.loads(file.read_text())["dockerImages"].values()
    assert images
    assert {image["source"]["dockerBuildArgs"]["FACE_ENCODER"] for image in images} == {"face-dlib-resnet-v1"}
