"""``make dev`` is killed with twenty jobs under way, and started again: all end, and each is paid once.

Its providers are not those that it would start: they have addresses and keys of their own.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
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
from local.settings import KEYS, REGION, URLS
from tests.support.waiting import HANGS_AFTER_S, wait_until
from tests.system.conftest import score_pictures

TRAININGS = ["fal-lora"] * 3 + ["astria"] * 3
GENERATIONS = 14
JOBS = len(TRAININGS) + GENERATIONS
TAKEN_BEFORE_THE_KILL = 8
OTHER_KEYS = {"FAL_KEY": "other:key", "ASTRIA_API_KEY": "sd_other"}
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
            **OTHER_KEYS,
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
    references: list[Path]
    trainings: list[str]
    generations: list[str]
    taken: int
    killed_at: datetime


@pytest.fixture(scope="module")
def orders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orders]:
    """Twenty orders, and the kill as soon as the providers have taken some of them."""
    folder = tmp_path_factory.mktemp("killed")
    port = _free_port()
    seconds = [*("--training-seconds", "4"), *("--generation-seconds", "2")]
    keys = [word for name, option in KEYS.items() for word in (option, OTHER_KEYS[name])]
    providers = Service("local.simulators", "--port", str(port), *seconds, *keys, logs=folder / "logs")
    try:
        providers.announcement()
        killed = Killed(folder, port)
        with killed.running() as system, ApiClient(system["apiUrl"], system["token"]) as api:
            references = make_references(EILEEN, folder / "references")[:5]
            trainings, generations = _ordered(api, references)
            while len(killed.taken()) < TAKEN_BEFORE_THE_KILL:
                time.sleep(0.05)
        yield Orders(killed, references, trainings, generations, len(killed.taken()), datetime.now(UTC))
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


@dataclass(frozen=True)
class Ended:
    """How the orders ended after the kill, and what the providers were asked to be paid for."""

    jobs: list[Any]
    outcomes: list[str]
    paid: list[Any]
    paid_in_the_end: list[Any]  # with an identity and a picture of each provider, ordered afterwards


@pytest.fixture(scope="module")
def ended(orders: Orders) -> Ended:
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
        jobs, paid = _jobs(system), orders.killed.taken()
        outcomes = [str(api.get_identity(each).status) for each in orders.trainings]
        outcomes += [str(api.get_generation(each).status) for each in orders.generations]
        _order_of_each_provider(api, orders.references)
    return Ended(jobs, outcomes, paid, orders.killed.taken())


def _order_of_each_provider(api: ApiClient, references: list[Path]) -> None:
    keys = api.upload_references(references)
    identities = [
        api.create_identity("Zoe", provider, keys[:count], class_name="woman").character_id
        for provider, count in (("fal-instant", 1), ("fal-lora", 5), ("astria", 5))
    ]
    for identity_id in identities:
        api.wait_until_ready(identity_id, timeout_s=HANGS_AFTER_S)
        picture = api.generate(identity_id, "Zoe smiles", seed=1)
        api.wait_until_generated(picture.generation_id, timeout_s=HANGS_AFTER_S)


def test_after_it_all_end_and_none_is_paid_twice(ended: Ended) -> None:
    nobody_can_tell = [job for job in ended.jobs if job["state"] != "submitted"]
    assert ended.outcomes.count("ready") + ended.outcomes.count("succeeded") == JOBS - len(nobody_can_tell)
    paid = [json.dumps(call["input"], sort_keys=True) for call in ended.paid]
    assert len(paid) == len(set(paid)), "an order was paid twice"
    assert JOBS - len(nobody_can_tell) <= len(paid) <= JOBS


def test_every_call_goes_where_the_urls_lead(ended: Ended) -> None:
    """Nothing of a provider's own is left in: whoever was called took other keys than ours."""
    before, after = Counter(_endpoints(ended.paid)), Counter(_endpoints(ended.paid_in_the_end))
    assert after - before == {
        "fal-ai/flux-lora": 1,
        "fal-ai/flux-lora-fast-training": 1,
        "fal-ai/instant-character": 1,
        "tunes": 1,
        "tunes/N/prompts": 1,
    }


def _endpoints(calls: list[Any]) -> list[str]:
    return [re.sub(r"(?<=tunes/)\d+", "N", call["endpoint"]) for call in calls]


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
        region_name=REGION,
    )
    return resource.Table(system["table"])


def _is_free(port: str) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(port))) != 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
