"""Cells of the front end's table: every fault of a provider at every call that an order leads to."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import httpx
from PIL import Image

from character_identity_client import CharacterGenerationParams, ServiceFailed, astria, fal_lora
from character_identity_client.astria import create_astria_character_identity, generate_with_astria
from character_identity_client.fal_instant_character import (
    create_instant_character_identity,
    generate_with_instant_character,
)
from character_identity_client.fal_lora import create_flux_lora_character_identity, generate_with_flux_lora

Fault = dict[str, Any]
Order = Callable[[str], None]
Download = Callable[[str], bytes]

NOT_YET = "the same call a little later finds it"
MOST_ASKED = 100
"""Each call waits for a while."""
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
NOT_SURVIVED = {"422", "job-fails", "job-blocked"}
PAID = {"fal.submit", "astria.create_tune", "astria.create_prompt"}


@dataclass(frozen=True)
class Cell:
    """One fault of one call that an order leads to."""

    order: str
    operation: str
    path: str  # keeps the fault from the orders of other cells
    kind: str
    fault: Fault = field(compare=False)

    def __str__(self) -> str:
        return f"{self.order}-{self.operation}-{self.kind}"

    @property
    def name(self) -> str:
        """The character's name in this cell and nowhere else."""
        return "Cell " + "".join(chr(ord("A") + int(digit)) for digit in f"{CELLS.index(self):03}")

    @property
    def survived(self) -> bool:
        """True if the order has to succeed all the same: the call can be made again for nothing."""
        if (self.operation, self.kind) == ("fal.result", "500"):
            return (
                False  # with a request id, which the simulators add, this is how fal says that a job failed
            )
        return self.kind in {"429", "late"} or (self.operation not in PAID and self.kind not in NOT_SURVIVED)

    def is_used(self, armed: list[Fault]) -> bool:
        """Return True if the fault has happened, and is not among those that are armed."""
        return (self.operation, self.path) not in {(fault["operation"], fault["path"]) for fault in armed}

    def accepted(self, calls: list[dict[str, Any]]) -> int:
        """Return how many billable calls an order of this cell led to."""
        named = re.compile(self.name.replace(" ", "[ _]?"), re.IGNORECASE)
        return sum(named.search(str(call["input"])) is not None for call in calls)


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


CELLS = [
    *cells("training", "fal.initiate_upload", READING),
    *cells("training", "fal.upload", READING),
    *cells("training", "fal.submit", TRAINING, "fast-training"),
    *cells("training", "fal.status", READING, "fast-training"),
    *cells("training", "fal.result", READING, "fast-training"),
    *cells("training", "fal.media", READING, "safetensors"),
    *cells("lora", "fal.submit", GENERATING, "flux-lora"),
    *cells("lora", "fal.status", READING, "flux-lora/requests"),
    *cells("lora", "fal.result", READING, "flux-lora/requests"),
    *cells("lora", "fal.media", READING, "picture.jpg"),
    *cells("instant", "fal.initiate_upload", UPLOADING),
    *cells("instant", "fal.upload", UPLOADING),
    *cells("instant", "fal.submit", GENERATING, "instant-character"),
    *cells("instant", "fal.status", READING, "instant-character"),
    *cells("instant", "fal.result", READING, "instant-character"),
    *cells("instant", "fal.media", READING, "picture.jpg"),
    *cells("tune", "astria.create_tune", TRAINING),
    *cells("tune", "astria.get_tune", READING),
    *cells("prompt", "astria.create_prompt", GENERATING),
    *cells("prompt", "astria.get_prompt", READING),
    *cells("prompt", "astria.media", READING),
]


def orders_with(references: list[str], download: Download) -> dict[str, Order]:
    """Return what the client can order, of a character of that name; all raise what they want."""
    few, many = references[: fal_lora.FEWEST_REFERENCES], references[: astria.FEWEST_REFERENCES]
    lora = create_flux_lora_character_identity("Sarah", few)
    tune = create_astria_character_identity("Sarah", many)
    instant = create_instant_character_identity("Sarah", references)

    def params(name: str) -> CharacterGenerationParams:
        return CharacterGenerationParams(character_id="", prompt=f"Sarah reads {name}")

    def get(url: str) -> None:
        """Fail unless there is a picture behind the link."""
        with Image.open(BytesIO(download(url))) as image:
            image.load()

    def use(trained: str | None) -> None:
        """Fail unless a training left something to draw with."""
        assert trained
        if trained.startswith("http"):
            assert download(trained)

    return {
        "instant": lambda name: get(generate_with_instant_character(params(name), instant).image_url),
        "lora": lambda name: get(generate_with_flux_lora(params(name), lora).image_url),
        "prompt": lambda name: get(generate_with_astria(params(name), tune).image_url),
        "training": lambda name: use(create_flux_lora_character_identity(name, few).model_url),
        "tune": lambda name: use(create_astria_character_identity(name, many).character_id),
    }


def failure_of(order: Order, cell: Cell) -> Exception | None:
    """Why an order got nothing, if so; what is not there yet is asked for again, as its sentence says."""
    for _ in range(MOST_ASKED):
        try:
            order(cell.name)
        except Exception as exc:  # the cell's test raises it
            if NOT_YET not in str(exc):
                return exc
        else:
            return None
    raise AssertionError(f"{cell} has no end")


def judge(cell: Cell, failure: Exception | None, orders: int) -> None:
    """Check that the client got what it wants, or one sentence for people; and that it was paid for once."""
    assert orders <= 1
    if failure is None:
        assert orders == 1
        assert cell.kind not in {"job-fails", "job-blocked"}
        return
    if not isinstance(failure, ServiceFailed):
        raise failure
    sentence = str(failure)
    assert not cell.survived, sentence
    assert sentence.isprintable()
    assert 20 < len(sentence) < 600
    for unfit in (*KEYS, SIGNATURE, "?", "<", "Traceback", "{'", "Errno", ".py"):
        assert unfit not in sentence


def get(url: str) -> bytes:
    """What is behind a link."""
    return httpx.get(url).raise_for_status().content
