"""Every fault of a provider at every call to it: the client gets what it wants or one sentence, paid once.

The cells of a shift run once, in lanes side by side; its tests look at what came of them. No picture is
scored meanwhile: that is no call to a provider, and would take most of the time.
"""

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from io import BytesIO
from threading import Event
from typing import Any

import httpx
import pytest
from PIL import Image

from character_identity_client import CharacterGenerationParams, ProxySession, ServiceFailed, configure
from character_identity_client.astria import create_astria_character_identity, generate_with_astria
from character_identity_client.fal_instant_character import (
    create_instant_character_identity,
    generate_with_instant_character,
)
from character_identity_client.fal_lora import create_flux_lora_character_identity, generate_with_flux_lora
from tests.support.waiting import HANGS_AFTER_S
from tests.system.conftest import TRAINING_S, Running
from tests.typescript.shelf import shelf

pytestmark = pytest.mark.processes

Fault = dict[str, Any]
Order = Callable[[str], None]

POLL_S = 0.05
CLIENT_POLL_S = 0.3
"""Of a client, which asks functions; what they take for answers, the orders lack."""
NOT_YET = "the same call a little later finds it"
OWNER, ENOUGH_MICROUSD = "faults", "1000000000"
KEYS = ("simulator-id:simulator-secret", "simulator-secret", "sd_simulator")
SIGNATURE = "X-Amz-Signature=f00d"
REASON = f"Cannot read\nhttps://media.test/a.jpg?{SIGNATURE} with KEY"
PAGE = "<html>\n<head><title>502 Bad Gateway</title></head>\n<body>nginx</body>\n</html>"

READING: dict[str, Fault] = {
    "429": {"kind": "reply", "status": 429, "body": {"detail": REASON}, "headers": {"Retry-After": "1"}},
    "500": {"kind": "reply", "status": 500, "body": {"detail": REASON}},
    "502-page": {"kind": "reply", "status": 502, "body": PAGE},
    "422": {
        "kind": "reply",
        "status": 422,
        "body": {"detail": [REASON, "Prompt is too long"]},
    },
    "cut": {"kind": "cut"},
    "late": {"kind": "delay", "seconds": 1},
}
UPLOADING = READING | {"cut-after": {"kind": "cut", "accepted": True}}
TRAINING = UPLOADING | {
    "500-after": {"kind": "reply", "status": 500, "accepted": True},
    "502-page-after": {"kind": "reply", "status": 502, "body": PAGE, "accepted": True},
    "job-fails": {"kind": "fail", "status": 422, "body": {"detail": REASON}},
}
GENERATING = TRAINING | {"job-blocked": {"kind": "blocked"}}
# A training takes twice as long as a picture, whose calls are made by the same code.
SHORTER = {kind: fault for kind, fault in READING.items() if kind not in {"500", "late"}}
NOT_SURVIVED = {"422", "job-fails", "job-blocked"}
PAID = {"fal.submit", "astria.create_tune", "astria.create_prompt"}
# Nobody can tell that these were not accepted. fal's are given up at their deadline, Astria's are looked for
# during two minutes and then ordered again; tests/faults has the time to see the end of both.
UNDECIDED = {"500", "502-page", "cut"}


@dataclass(frozen=True)
class Cell:
    """One fault of one call that an order leads to."""

    order: str
    operation: str
    path: str  # keeps the fault from the orders of other lanes
    kind: str
    fault: Fault = field(compare=False)

    def __str__(self) -> str:
        return f"{self.order}-{self.operation}-{self.kind}"

    @property
    def name(self) -> str:
        """The character's name in this cell and nowhere else."""
        return "Cell " + "".join(chr(ord("A") + int(digit)) for digit in f"{CELLS.index(self):03}")

    @property
    def undecided(self) -> bool:
        """True if the client has to wait longer than a test."""
        return self.operation in PAID and self.kind in UNDECIDED

    @property
    def late(self) -> bool:
        """True if it ends after the others: Astria tells nobody of a training that failed.

        It is missing then, which is believed after two minutes.
        """
        return (self.operation, self.kind) == ("astria.create_tune", "job-fails")

    @property
    def survived(self) -> bool:
        """True if the order has to succeed all the same: the call can be made again for nothing."""
        if (self.operation, self.kind) == ("fal.result", "500"):
            return (
                False  # with a request id, which the simulators add, this is how fal says that a job failed
            )
        return self.kind in {"429", "late"} or (self.operation not in PAID and self.kind not in NOT_SURVIVED)


@dataclass(frozen=True)
class Outcome:
    """The client's result: a failure, or what it wanted."""

    failure: Exception | None
    fault_used: bool
    orders: int = 0


Outcomes = Callable[[int], dict[Cell, Outcome]]


def cells(order: str, operation: str, faults: dict[str, Fault], path: str = "") -> list[Cell]:
    """The cells of one call; where an answer quotes a key, it is the provider's own."""
    key = KEYS[0] if operation.startswith("fal") else KEYS[2]
    return [
        Cell(
            order,
            operation,
            path,
            kind,
            json.loads(json.dumps({"operation": operation, "path": path, **fault}).replace("KEY", key)),
        )
        for kind, fault in faults.items()
    ]


# Lanes of one shift run side by side, so no lane may meet another's fault: a training's uploads look like an
# instant picture's, and the path of its submit holds the LoRA picture's.
SHIFTS = (
    (
        [
            *cells("training", "fal.initiate_upload", SHORTER),
            *cells("training", "fal.upload", SHORTER),
        ],
        [
            *cells("lora", "fal.status", READING, "flux-lora/requests"),
            *cells("lora", "fal.result", READING, "flux-lora/requests"),
            *cells("lora", "fal.media", READING, "picture.jpg"),
        ],
        cells("tune", "astria.create_tune", {"job-fails": TRAINING["job-fails"], **TRAINING}),
    ),
    (
        [
            *cells("instant", "fal.initiate_upload", UPLOADING),
            *cells("instant", "fal.upload", UPLOADING),
        ],
        cells("lora", "fal.submit", GENERATING, "flux-lora"),
        cells("prompt", "astria.create_prompt", GENERATING),
    ),
    (
        [
            *cells("training", "fal.submit", TRAINING, "fast-training"),
            *cells("training", "fal.status", SHORTER, "fast-training"),
            *cells("training", "fal.result", SHORTER, "fast-training"),
            *cells("training", "fal.media", SHORTER, "safetensors"),
        ],
        [
            *cells("instant", "fal.submit", GENERATING, "instant-character"),
            *cells("instant", "fal.status", READING, "instant-character"),
            *cells("instant", "fal.result", READING, "instant-character"),
            *cells("instant", "fal.media", READING, "picture.jpg"),
        ],
        cells("tune", "astria.get_tune", READING),
        [
            *cells("prompt", "astria.get_prompt", READING),
            *cells("prompt", "astria.media", READING),
        ],
    ),
)
LATE = len(SHIFTS)
CELLS = [cell for shift in SHIFTS for lane in shift for cell in lane]


class Waiting(threading.local):
    """The client's sleep between two polls, shortened; it ends when the order is left to itself."""

    def __init__(self) -> None:
        self._left = Event()

    def begin(self, left: Event) -> None:
        self._left = left

    def sleep(self, _: float) -> None:
        if self._left.wait(CLIENT_POLL_S):
            raise LeftToItself


class LeftToItself(Exception):
    """Nobody waits any more for what becomes of an order."""


@pytest.fixture(scope="module")
def waiting() -> Waiting:
    return Waiting()


@pytest.fixture(scope="module")
def orders(running_system: Running, waiting: Waiting) -> Iterator[dict[str, Order]]:
    """What a client with a LoRA and a tune of its own can order."""
    system = running_system.system
    running_system.providers.post("/control/settings", json={"training_s": 0.1}).raise_for_status()
    running_system.aws("dynamodb").put_item(
        TableName=system.table,
        Item={"pk": {"S": f"BUDGET#{OWNER}"}, "sk": {"S": "LIMIT"}, "limit_microusd": {"N": ENOUGH_MICROUSD}},
    )
    with (
        running_system.unscored(),
        shelf(running_system.people["Eileen"][0].parent) as images_url,
        ProxySession(system.api_url, system.token_for(OWNER), sleep=waiting.sleep) as session,
    ):
        configure(session)
        yield orders_with([f"{images_url}/{path.name}" for path in running_system.people["Eileen"]])
        configure(None)
    running_system.providers.post("/control/settings", json={"training_s": TRAINING_S}).raise_for_status()


@pytest.fixture(scope="module")
def outcomes(running_system: Running, orders: dict[str, Order], waiting: Waiting) -> Iterator[Outcomes]:
    """What came of a shift's cells, and how many orders the providers had accepted for each at its end."""

    late: dict[Cell, Future[Exception | None]] = {}

    def run(lane: list[Cell]) -> dict[Cell, Outcome]:
        return {cell: outcome(cell) for cell in lane}

    def outcome(cell: Cell) -> Outcome:
        """Order once while the cell's fault is armed; who has to wait for long does so beside the lane."""
        running_system.arm(**cell.fault)
        left, deadline = Event(), time.monotonic() + HANGS_AFTER_S
        ordering = beside.submit(failure_of, orders[cell.order], cell, waiting, left)
        goes_on_beside = cell.undecided or cell.late
        while not ordering.done() and not (goes_on_beside and used(running_system, cell)):
            assert time.monotonic() < deadline, f"{cell} hangs"
            time.sleep(POLL_S)
        if cell.late:
            make_old(running_system)
            late[cell] = ordering
            return Outcome(None, fault_used=True)
        if not ordering.done():
            left.set()
            return Outcome(LeftToItself(), fault_used=True)
        return Outcome(ordering.result(), used(running_system, cell))

    @cache
    def of_shift(number: int) -> dict[Cell, Outcome]:
        if number == LATE:
            for earlier in range(LATE):
                of_shift(earlier)
            lanes = [{cell: Outcome(ordering.result(), fault_used=True) for cell, ordering in late.items()}]
        else:
            with ThreadPoolExecutor() as pool:
                lanes = list(pool.map(run, SHIFTS[number]))
        calls = running_system.providers.get("/control/ledger").raise_for_status().json()["calls"]
        stop_pictures(running_system)
        return {
            cell: replace(got, orders=accepted(calls, cell)) for lane in lanes for cell, got in lane.items()
        }

    with ThreadPoolExecutor(len(CELLS)) as beside:
        yield of_shift


def stop_pictures(running_system: Running) -> None:
    """End the undecided pictures of a shift: to ask for them all the time takes as much as the next shift."""
    machines = running_system.aws("stepfunctions")
    arn = running_system.system.state_machines["generate_images"]
    for execution in machines.list_executions(stateMachineArn=arn, statusFilter="RUNNING")["executions"]:
        machines.stop_execution(executionArn=execution["executionArn"])


def make_old(running_system: Running) -> None:
    """Make two minutes pass for the trainings at Astria, which may be missing while they are new."""
    dynamodb, table = running_system.aws("dynamodb"), running_system.system.table
    jobs = dynamodb.scan(
        TableName=table,
        FilterExpression="sk = :job AND provider = :astria AND money = :open",
        ExpressionAttributeValues={
            ":job": {"S": "JOB"},
            ":astria": {"S": "astria"},
            ":open": {"S": "reserved"},
        },
    )
    for job in jobs["Items"]:
        before = datetime.fromisoformat(job["intended_at"]["S"]) - timedelta(minutes=2)
        dynamodb.update_item(
            TableName=table,
            Key={"pk": job["pk"], "sk": job["sk"]},
            UpdateExpression="SET intended_at = :before",
            ExpressionAttributeValues={":before": {"S": before.isoformat()}},
        )


def orders_with(references: list[str]) -> dict[str, Order]:
    """Return what the client can order, of a character of that name; all raise what they want."""
    lora = create_flux_lora_character_identity("Sarah", references)
    tune = create_astria_character_identity("Sarah", references)
    instant = create_instant_character_identity("Sarah", references)

    def params(name: str) -> CharacterGenerationParams:
        return CharacterGenerationParams(character_id="", prompt=f"Sarah reads {name}")

    return {
        "instant": lambda name: look_at(generate_with_instant_character(params(name), instant).image_url),
        "lora": lambda name: look_at(generate_with_flux_lora(params(name), lora).image_url),
        "prompt": lambda name: look_at(generate_with_astria(params(name), tune).image_url),
        "training": lambda name: use(create_flux_lora_character_identity(name, references).model_url),
        "tune": lambda name: use(create_astria_character_identity(name, references).character_id),
    }


def look_at(url: str) -> None:
    """Fail unless there is a picture behind the link."""
    with Image.open(BytesIO(httpx.get(url).raise_for_status().content)) as image:
        image.load()


def use(trained: str | None) -> None:
    """Fail unless a training left something to draw with."""
    assert trained
    if trained.startswith("http"):
        assert httpx.get(trained).raise_for_status().content


def failure_of(order: Order, cell: Cell, waiting: Waiting, left: Event) -> Exception | None:
    """Why an order got nothing, if so; what is not there yet is asked for again, as its sentence says.

    Not for ever: an order that is left to itself is asked for by nobody.
    """
    waiting.begin(left)
    while not left.is_set():
        try:
            order(cell.name)
        except Exception as exc:  # a lane goes on; the cell's test raises it
            if NOT_YET not in str(exc):
                return exc
        else:
            return None
    return LeftToItself()


def used(running_system: Running, cell: Cell) -> bool:
    """Return True if the fault of the cell has happened."""
    armed = running_system.providers.get("/control/faults").raise_for_status().json()
    return (cell.operation, cell.path) not in {(fault["operation"], fault["path"]) for fault in armed}


def accepted(calls: list[dict[str, Any]], cell: Cell) -> int:
    """Return how many billable calls an order of this cell led to."""
    named = re.compile(cell.name.replace(" ", "[ _]?"), re.IGNORECASE)
    return sum(named.search(str(call["input"])) is not None for call in calls)


@pytest.mark.parametrize(
    ("shift", "cell"),
    [
        pytest.param(LATE if cell.late else number, cell, id=str(cell))
        for number, shift in enumerate(SHIFTS)
        for lane in shift
        for cell in sorted(lane, key=lambda cell: cell.late)
    ],
)
def test_a_fault_costs_one_order_at_most_and_one_sentence(outcomes: Outcomes, shift: int, cell: Cell) -> None:
    got = outcomes(shift)[cell]
    assert got.fault_used, "this call was never made"
    assert got.orders <= 1
    assert cell.undecided == isinstance(got.failure, LeftToItself)
    if cell.undecided:
        return
    if got.failure is None:
        assert got.orders == 1
        assert cell.kind not in {"job-fails", "job-blocked"}
        return
    if not isinstance(got.failure, ServiceFailed):
        raise got.failure
    sentence = str(got.failure)
    assert not cell.survived, sentence
    assert sentence.isprintable()
    assert 20 < len(sentence) < 600
    for unfit in (*KEYS, SIGNATURE, "?", "<", "Traceback", "{'", "Errno", ".py"):
        assert unfit not in sentence
