"""``make dev`` is killed with twenty jobs under way, and started again: all end, and each is paid once."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest

from character_identity_client import ApiClient
from local import dev
from local.deploy import Endpoint, client
from local.packages import ROOT
from local.photographs import EILEEN, make_references
from local.service import Service
from local.settings import SIMULATOR_KEYS, URLS
from tests.support.waiting import wait_until
from tests.system.conftest import score_pictures

TRAININGS = ["fal-lora"] * 3 + ["astria"] * 3
GENERATIONS = 14
JOBS = len(TRAININGS) + GENERATIONS
TAKEN_BEFORE_THE_KILL = 8
FOR_LATE_WEBHOOKS_S = 8
"""The providers need no longer for a job, and then try a webhook again."""

pytestmark = pytest.mark.processes


class Killed:
    """The system with files and ports of its own; the providers run apart from it, as they do outside."""

    def __init__(self, folder: Path, providers_port: int) -> None:
        self.folder = folder
        self.providers_url = f"http://127.0.0.1:{providers_port}"
        self._ports = [*("--api-port", str(_free_port())), *("--aws-port", str(_free_port()))]
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.endswith(("_URL", "_KEY"))},
            **{name: f"{self.providers_url}{path}" for name, (_, path) in URLS.items()},
            **SIMULATOR_KEYS,
        }

    @contextmanager
    def running(self) -> Iterator[dict[str, Any]]:
        """From the announcement of where it is until it is killed."""
        process = subprocess.Popen(
            [sys.executable, "-m", "local", "dev", "--state", str(self.folder), *self._ports],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            env=self._environment,
        )
        addresses = self.folder / dev.ADDRESSES
        try:
            while not (addresses.exists() and json.loads(addresses.read_text())["pid"] == process.pid):
                assert process.poll() is None, "it ended by itself"
                time.sleep(0.05)
            system = json.loads(addresses.read_text())
            endpoint = Endpoint(system["awsEndpointUrl"], system["accessKeyId"], system["secretAccessKey"])
            score_pictures(client("events", endpoint), False)
            yield system
        finally:
            process.kill()
            process.wait()
            while not all(map(_is_free, self._ports[1::2])):  # what it had started ends a moment later
                time.sleep(0.05)

    def taken(self) -> list[Any]:
        """The billable orders that the providers took."""
        ledger = httpx.get(f"{self.providers_url}/control/ledger").raise_for_status().json()
        return list(ledger["calls"])


@dataclass(frozen=True)
class Orders:
    """What was ordered before the kill, when that was, and how many of it the providers had taken by then."""

    killed: Killed
    trainings: list[str]
    generations: list[str]
    taken: int
    killed_at: datetime


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orders]:
    """Twenty orders, and the kill as soon as the providers have taken some of them."""
    folder = tmp_path_factory.mktemp("killed")
    port = _free_port()
    options = [*("--training-seconds", "4"), *("--generation-seconds", "2")]
    providers = Service("local.simulators", "--port", str(port), *options, logs=folder / "logs")
    try:
        providers.announcement()
        killed = Killed(folder, port)
        with killed.running() as system, ApiClient(system["apiUrl"], system["token"]) as api:
            trainings, generations = _ordered(api, make_references(EILEEN, folder / "references")[:5])
            while len(killed.taken()) < TAKEN_BEFORE_THE_KILL:
                time.sleep(0.05)
        yield Orders(killed, trainings, generations, len(killed.taken()), datetime.now(UTC))
    finally:
        providers.stop()


def _ordered(api: ApiClient, images: list[Path]) -> tuple[list[str], list[str]]:
    keys = api.upload_references(images)
    instant = api.create_identity("Jane", "fal-instant", keys[:1]).character_id
    trainings = [
        api.create_identity(f"Jane {number}", provider, keys, class_name="woman").character_id
        for number, provider in enumerate(TRAININGS)
    ]
    generations = [
        api.generate(instant, f"Jane, picture {seed}", seed=seed).generation_id for seed in range(GENERATIONS)
    ]
    return trainings, generations


def test_the_kill_comes_in_the_middle(orders: Orders) -> None:
    assert TAKEN_BEFORE_THE_KILL <= orders.taken < JOBS


def test_after_it_all_end_and_none_is_paid_twice(orders: Orders) -> None:
    with orders.killed.running() as system, ApiClient(system["apiUrl"], system["token"]) as api:

        def open_jobs() -> list[Any]:
            return [job for job in _jobs(system) if job["money"] == "reserved"]

        def was_cut(job: Any) -> bool:
            return _was_cut(job, orders.killed_at)

        wait_until(lambda: all(map(was_cut, open_jobs())), "the end of what can end by itself")
        time.sleep(FOR_LATE_WEBHOOKS_S)
        for job in filter(was_cut, open_jobs()):
            _let_the_deadline_pass(system, job)
        wait_until(lambda: not open_jobs(), "the end of all jobs")
        jobs = _jobs(system)
        outcomes = [str(api.get_identity(each).status) for each in orders.trainings]
        outcomes += [str(api.get_generation(each).status) for each in orders.generations]
    nobody_can_tell = [job for job in jobs if job["state"] != "submitted"]
    assert outcomes.count("ready") + outcomes.count("succeeded") == JOBS - len(nobody_can_tell)
    paid = [json.dumps(call["input"], sort_keys=True) for call in orders.killed.taken()]
    assert len(paid) == len(set(paid)), "an order was paid twice"
    assert JOBS - len(nobody_can_tell) <= len(paid) <= JOBS


def _was_cut(job: Any, killed_at: datetime) -> bool:
    """Tell a job of fal's that was killed between the intent and the answer, of which fal can never tell."""
    undecided = job["provider"] != "astria" and job["state"] in {"intended", "unknown"}
    return undecided and datetime.fromisoformat(job["intended_at"]) < killed_at


def _let_the_deadline_pass(system: dict[str, Any], job: dict[str, Any]) -> None:
    """Move a deadline, of 15 minutes at least, into the past, since this test does not wait so long."""
    past = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    _table(system).update_item(
        Key={"pk": job["pk"], "sk": job["sk"]},
        UpdateExpression="SET deadline_at = :past, due_at = :past, gsi1sk = :past",
        ExpressionAttributeValues={":past": past},
    )


def _jobs(system: dict[str, Any]) -> list[Any]:
    table = _table(system)
    answer = table.scan(FilterExpression="sk = :job", ExpressionAttributeValues={":job": "JOB"})
    return list(answer["Items"])


def _table(system: dict[str, Any]) -> Any:
    resource = boto3.resource(
        "dynamodb",
        endpoint_url=system["awsEndpointUrl"],
        aws_access_key_id=system["accessKeyId"],
        aws_secret_access_key=system["secretAccessKey"],
    )
    return resource.Table(system["table"])


def _is_free(port: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) != 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
