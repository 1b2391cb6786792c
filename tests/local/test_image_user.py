"""The image as its Dockerfile lays it out, run by the user that Lambda runs it as, who owns nothing in it.

Without Docker: the last stage is carried out in a folder, and what comes from the stage before is copied with
its modes, as Docker does. Where the tests are not run by root nobody can become that user: the handler is run
by whoever runs the tests then, and it is the modes that show what another user could read.
"""

import base64
import json
import os
import shutil
import site
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import image_function
from local.image_function import ImageFunction
from local.photographs import EILEEN
from scripts.weights.build import build
from scripts.weights.encoders import ENCODERS
from scripts.weights.faces import FACE_DLIB
from tests.scripts.weights import tiny_tower
from tests.support.builders import an_identity
from tests.support.handlers import queued
from tests.support.waiting import HANGS_AFTER_S

pytestmark = pytest.mark.processes

ROOT = Path(__file__).parents[2]
LAMBDA_USER = 993
"""What ``id`` says inside a function; its group has the same number."""
STAND_IN = "efficientnet-lite0"
IMAGE = "generations/eileen/portrait/01.jpg"
RUN = """
import base64, importlib, json, os, sys
from types import SimpleNamespace

import boto3
from moto import mock_aws

order = json.load(sys.stdin)
context = SimpleNamespace(memory_limit_in_mb="3008", get_remaining_time_in_millis=lambda: 120_000)
picture = base64.b64decode(order["picture"])
keys = [{"AttributeName": name, "KeyType": kind} for name, kind in (("pk", "HASH"), ("sk", "RANGE"))]
types = [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk")]
place = {"LocationConstraint": "eu-west-1"}

def call(handler, event):
    module, _, name = handler.rpartition(".")
    return getattr(importlib.import_module(module), name)(event, context)

@mock_aws
def run():
    table = boto3.resource("dynamodb").create_table(
        TableName="state", BillingMode="PAY_PER_REQUEST", KeySchema=keys, AttributeDefinitions=types
    )
    table.put_item(Item=order["identity"])
    bucket = boto3.resource("s3").create_bucket(Bucket="media", CreateBucketConfiguration=place)
    for key in order["keys"]:
        bucket.put_object(Key=key, Body=picture)
    return {
        "answer": call(order["handler"], order["event"]),
        "rows": repr([item for item in table.scan()["Items"] if item["sk"] != "IDENTITY"]),
        "analysis": call("functions.analyze_images.handler.lambda_handler", {"analyze": [order["picture"]]}),
        "user": [os.getuid(), os.getgid()],
    }

run()  # an interpreter in somebody's home is read by nobody else: from now on all of it is loaded
for name in [name for name in sys.modules if name.partition(".")[0] in ("functions", "character_identity")]:
    del sys.modules[name]  # but of the image nothing
if order["user"] is not None:
    os.setgroups([])
    os.setgid(order["user"])
    os.setuid(order["user"])
print(json.dumps(run()))
"""


@pytest.fixture(scope="module", params=["tiny", STAND_IN])
def image(request: pytest.FixtureRequest) -> Iterator[ImageFunction]:
    """The image with one encoder: CLIP's architecture, small and random, or the one that stands in for it."""
    # pytest's own folders are for their owner only.
    folder = Path(tempfile.mkdtemp(prefix="image-"))
    folder.chmod(0o755)
    mask = os.umask(0o077)
    try:
        if request.param == "tiny":
            weights = build(tiny_tower.tiny_encoder(tiny_tower.published_tower(folder)), folder)
        else:
            weights = build(ENCODERS[STAND_IN], ROOT / ".build")
        os.umask(0o022)  # Docker's
        with pytest.MonkeyPatch.context() as patch:
            # What its requirements name is installed here.
            patch.setattr(image_function, "installed", lambda *_: Path(site.getsitepackages()[0]))
            yield _assembled(folder, weights, build(FACE_DLIB, ROOT / ".build"))
    finally:
        os.umask(mask)
        shutil.rmtree(folder)


def _assembled(folder: Path, weights: Path, faces: Path) -> ImageFunction:
    context = folder / "context"
    names = ("score_image", "analyze_images", "compare_images", "compile_evaluation")
    folders = [f"functions/{name}" for name in names]
    for name in (*folders, "layers/core/python", "layers/evaluation/python"):
        shutil.copytree(ROOT / name, context / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in context.rglob("*"):  # as scripts/synth.py leaves a build context
        path.chmod(0o755 if path.is_dir() else 0o644)
    image = image_function.prepare(
        context,
        "functions/score_image/Dockerfile",
        "tag",
        {"weights": weights, "faces": faces},
        state=folder,
    )
    for link in [path for path in image.task_root.rglob("*") if path.is_symlink()]:
        target = link.resolve()
        link.unlink()
        shutil.copy2(target, link)
    for parent in (folder / "images", folder / "images" / "tag"):  # which no image has
        parent.chmod(0o755)
    return image


def test_everybody_may_read_the_whole_image(image: ImageFunction) -> None:
    modes = {path: path.stat().st_mode for path in [image.task_root, *image.task_root.rglob("*")]}
    weights = {path.name for path in modes if path.parent.name == "weights"}
    assert {"encoder.json", "model-1.onnx"} <= weights
    assert [path for path, mode in modes.items() if not mode & stat.S_IROTH] == []
    assert [path for path, mode in modes.items() if path.is_dir() and not mode & stat.S_IXOTH] == []


def test_lambdas_user_scores_and_analyzes(image: ImageFunction) -> None:
    references = ["references/eileen/00.jpg"]
    order: dict[str, Any] = {
        "handler": image.handler,
        "event": queued({"detail": {"object": {"key": IMAGE}}}),
        "picture": base64.b64encode(EILEEN.path.read_bytes()).decode(),
        "keys": [IMAGE, *references],
        "identity": _identity(references),
        "user": LAMBDA_USER if os.geteuid() == 0 else None,
    }
    done = subprocess.run(
        [sys.executable, "-B", "-c", RUN],
        input=json.dumps(order),
        cwd=image.task_root,
        env={
            "PYTHONPATH": os.pathsep.join(map(str, (image.task_root, *image.import_path))),
            "PATH": os.defpath,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "TABLE_NAME": "state",
            "BUCKET_NAME": "media",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=HANGS_AFTER_S,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["user"] == ([LAMBDA_USER] * 2 if order["user"] else [os.getuid(), os.getgid()])
    assert said["answer"] == {"batchItemFailures": []}, done.stderr
    assert references[0] in said["rows"], "no score"
    assert FACE_DLIB.name in said["rows"], "no face was looked for"
    assert said["analysis"]["analyses"] == [{"faces": 1}]


def _identity(references: list[str]) -> dict[str, Any]:
    identity = an_identity(identity_id="eileen", references=references).model_dump(mode="json")
    return {"pk": "IDENTITY#eileen", "sk": "IDENTITY", **identity}
