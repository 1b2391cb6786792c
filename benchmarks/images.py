"""``python -m benchmarks images [COUNT]``: so many pictures at once into the bucket of a local system.

Each event is delivered twice; in a second round the scorer is killed in the middle. Every picture has to be
scored once. The path is the deployed one: S3, EventBridge, the queue, batches, the image function, the table.
"""

import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image

from character_identity.aws import keys
from character_identity_client import ApiClient
from local.deploy import client
from local.errors import CannotRun
from local.photographs import EILEEN, make_references
from local.runtime import Options, System, running

COUNT = 1_000
SIDE = 512  # pixels
LONGEST_S = 1_800
SECOND_S = 1.0
FUNCTION = b"FUNCTION_NAME=score_image\0"


@dataclass(frozen=True)
class Round:
    """What became of the pictures: ``waited_s`` by picture, from its upload to its score."""

    scored: int
    took_s: float
    waited_s: list[float]
    killed: int


def main(count: int = COUNT) -> int:
    """Run both rounds; 1 if a picture has no score, or the table has more scores than pictures."""
    whole = True
    try:
        with TemporaryDirectory() as logs, running(Options(logs=Path(logs), report=print)) as system:
            identity_id = identity(system)
            dropped(system, identity_id, "warm", 8)  # loads the model, embeds the references
            for name, kill in (("each event twice", False), ("each event twice, scorer killed", True)):
                found = dropped(
                    system, identity_id, name.replace(" ", "-").replace(",", ""), count, kill=kill
                )
                whole &= found.scored == count
                print(
                    f"{name}: {found.scored} of {count} scored once, "
                    f"{found.scored / found.took_s:.1f} a second, slowest after "
                    f"{max(found.waited_s):.1f} s, scorers killed: {found.killed}"
                )
    except CannotRun as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0 if whole else 1


def identity(system: System) -> str:
    """Make an identity that is ready at once; its references are what pictures are compared with."""
    with TemporaryDirectory() as folder, ApiClient(system.api_url, system.token) as api:
        uploaded = api.upload_references(make_references(EILEEN, Path(folder) / "references")[:3])
        return api.create_identity("Eileen", "fal-instant", uploaded).character_id


def dropped(system: System, identity_id: str, generation_id: str, count: int, *, kill: bool = False) -> Round:
    """Put pictures under a generation's keys, tell of each a second time, and wait until all are scored."""
    s3, sqs, table = (client(name, system.aws) for name in ("s3", "sqs", "dynamodb"))
    queue = sqs.get_queue_url(QueueName=system.outputs["ScoringQueueArn"].rsplit(":", 1)[1])["QueueUrl"]
    began, put_at = time.monotonic(), {}
    for number, content in enumerate(pictures(count)):
        key = f"generations/{identity_id}/{generation_id}/{number:02}.jpg"
        s3.put_object(Bucket=system.bucket, Key=key, Body=content, ContentType="image/jpeg")
        put_at[number] = time.monotonic()
        detail = {"bucket": {"name": system.bucket}, "object": {"key": key}}
        again = {"source": "aws.s3", "detail-type": "Object Created", "detail": detail}
        sqs.send_message(QueueUrl=queue, MessageBody=json.dumps(again))
    waited: dict[int, float] = {}
    killed = 0
    while len(waited) < count and time.monotonic() - began < LONGEST_S:
        time.sleep(SECOND_S)
        system.require_running()
        rows = list(scores(table, system.table, generation_id))
        assert len(rows) == len(set(rows)), "a picture is scored twice by one encoder"
        for number in rows:
            waited.setdefault(number, time.monotonic() - put_at[number])
        if kill and not killed and len(waited) > count // 2:
            killed = kill_scorers()
    return Round(len(waited), time.monotonic() - began, list(waited.values()), killed)


def pictures(count: int) -> Iterator[bytes]:
    """Views of one photograph, no two alike."""
    with Image.open(EILEEN.path) as opened:
        photograph = opened.convert("RGB")
    for number in range(count):
        left, top = number % 40, number // 40
        out = BytesIO()
        photograph.crop((left, top, left + 400, top + 400)).resize((SIDE, SIDE)).save(out, "JPEG", quality=90)
        yield out.getvalue()


def scores(table: Any, name: str, generation_id: str) -> Iterator[int]:
    """Yield the number of each picture with a score, once for each score that the table has of it."""
    pages = table.get_paginator("query").paginate(
        TableName=name,
        KeyConditionExpression="pk = :pk and begins_with(sk, :sk)",
        ExpressionAttributeValues={
            ":pk": {"S": keys.generation(generation_id)["pk"]},
            ":sk": {"S": keys.SCORE},
        },
        ProjectionExpression="sk",
    )
    for page in pages:
        for item in page["Items"]:
            yield keys.image_index_of(item["sk"]["S"])


def kill_scorers() -> int:
    """Kill every process of the scorer's function that descends from this one; return how many there were."""
    ours = [
        pid for pid in _processes() if FUNCTION in _read(pid, "environ") and os.getpid() in _ancestors(pid)
    ]
    for pid in ours:
        os.kill(pid, signal.SIGKILL)
    return len(ours)


def _processes() -> Iterator[int]:
    return (int(each.name) for each in Path("/proc").iterdir() if each.name.isdecimal())


def _ancestors(pid: int) -> Iterator[int]:
    while pid > 1:
        stat = _read(pid, "stat")
        pid = int(stat.rpartition(b")")[2].split()[1]) if stat else 0
        yield pid


def _read(pid: int, name: str) -> bytes:
    try:
        return (Path("/proc") / str(pid) / name).read_bytes()
    except OSError:
        return b""
