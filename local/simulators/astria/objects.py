"""Astria's two things, a tune and a prompt, and how each shows itself at a given time."""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from PIL import Image

from local.simulators.clock import NEVER, Schedule, iso
from local.simulators.drawing.rendering import Shot
from local.simulators.memory import schedule_document, schedule_of, without_files

LIFETIME = timedelta(days=30)
TUNES, PROMPTS, NEXT_IDS = "tunes", "prompts", "next ids"
"""Where the memory has them."""
WORKER_SEED = 42
FLUX_PIXELS = 1024 * 1024
OLD_RATIOS = {"1:1": "1:1", "16:9": "16:9", "portrait": "3:4", "landscape": "4:3"}
TUNE_FIELDS = ("title", "name", "model_type", "base_tune_id", "args", "steps", "face_crop", "callback")
PROMPT_FIELDS = (
    "text",
    "negative_prompt",
    "steps",
    "seed",
    "super_resolution",
    "ar",
    "aspect_ratio",
    "resolution",
)


@dataclass
class StoredTune:
    """A fine-tuned model; ``failed`` ones answer 404 once their training should have ended."""

    tune_id: int
    fields: dict[str, Any]
    branch: str
    token: str
    created_at: datetime
    schedule: Schedule
    eta: datetime
    photographs: list[Image.Image]
    orig_images: list[str]
    url: str
    failed: bool = False
    prompts: list["StoredPrompt"] = field(default_factory=list)

    @property
    def phrase(self) -> str:
        """The words by which a prompt means this tune's subject."""
        return f"{self.token} {self.fields['name']}"

    def kept(self) -> dict[str, Any]:
        """All that a later process needs to know, as JSON; the photographs are those of ``orig_images``."""
        return {
            "fields": without_files(self.fields),
            "branch": self.branch,
            "token": self.token,
            "created_at": self.created_at.isoformat(),
            "schedule": schedule_document(self.schedule),
            "eta": self.eta.isoformat(),
            "orig_images": self.orig_images,
            "url": self.url,
            "failed": self.failed,
        }

    @classmethod
    def of(cls, tune_id: int, kept: dict[str, Any], photographs: list[Image.Image]) -> "StoredTune":
        """The tune that ``kept`` tells of."""
        times = {name: datetime.fromisoformat(kept[name]) for name in ("created_at", "eta")}
        return cls(
            tune_id=tune_id,
            photographs=photographs,
            **kept | times | {"schedule": schedule_of(kept["schedule"])},
        )

    def expires_at(self, now: datetime) -> datetime:
        """The time when Astria deletes it: 30 days after its training, and again if that is extended."""
        if self.schedule.ends_at == NEVER:
            return NEVER
        expires_at = self.schedule.ends_at + LIFETIME
        while self.fields.get("auto_extend") and expires_at <= now:
            expires_at += LIFETIME
        return expires_at

    def gone(self, now: datetime) -> bool:
        """Return True if it is deleted by age, or has failed."""
        return now >= (self.schedule.ends_at if self.failed else self.expires_at(now))

    async def document(self, now: datetime) -> dict[str, Any]:
        """The tune as the API shows it, with the prompts that were ordered with it."""
        started_at = _reached(self.schedule.starts_at, now)
        trained_at = _reached(self.schedule.ends_at, now)
        return {
            "id": self.tune_id,
            **{name: self.fields.get(name) for name in TUNE_FIELDS},
            "is_api": True,
            "token": self.token,
            "branch": self.branch,
            "training_face_correct": bool(self.fields.get("training_face_correct")),
            "eta": iso(self.eta),
            "started_training_at": started_at,
            "trained_at": trained_at,
            "expires_at": iso(self.expires_at(now)) if trained_at else None,
            "created_at": iso(self.created_at),
            "updated_at": trained_at or started_at or iso(self.created_at),
            "ckpt_url": None,
            "ckpt_urls": [],
            "orig_images": self.orig_images,
            "url": self.url,
        } | ({"prompts": [await prompt.document(now) for prompt in self.prompts]} if self.prompts else {})


@dataclass
class StoredPrompt:
    """An order for pictures; ``refusal`` is what its user_error will say.

    ``shown`` are the tunes that it shows, ``kind`` the fault that it suffers; its pictures lie at ``origin``.
    """

    prompt_id: int
    tune_id: int
    fields: dict[str, Any]
    created_at: datetime
    schedule: Schedule
    cost_mc: int
    work: asyncio.Task[list[str]]
    url: str
    refusal: str | None = None
    shown: tuple[int, ...] = ()
    kind: str | None = None
    origin: str = ""

    @property
    def failed(self) -> bool:
        """True if there will be no images."""
        return self.kind == "fail"

    def kept(self) -> dict[str, Any]:
        """All that a later process needs to know, as JSON; ``images`` once they are there."""
        is_done = self.work.done() and not self.work.cancelled() and self.work.exception() is None
        return {
            "tune_id": self.tune_id,
            "fields": without_files(self.fields),
            "created_at": self.created_at.isoformat(),
            "schedule": schedule_document(self.schedule),
            "cost_mc": self.cost_mc,
            "url": self.url,
            "refusal": self.refusal,
            "shown": list(self.shown),
            "kind": self.kind,
            "origin": self.origin,
            "images": self.work.result() if is_done else None,
        }

    async def document(self, now: datetime) -> dict[str, Any]:
        """The prompt as the API shows it; waits for the rendering when it should be done by now."""
        started_at = _reached(self.schedule.starts_at, now)
        trained_at = _reached(self.schedule.ends_at, now)
        guidance = self.fields.get("cfg_scale")
        return {
            "id": self.prompt_id,
            "tune_id": self.tune_id,
            **{name: self.fields.get(name) for name in PROMPT_FIELDS},
            "num_images": num_images(self.fields),
            "cfg_scale": None if guidance is None else str(float(guidance)),
            "callback": self.fields.get("callback"),
            "created_at": iso(self.created_at),
            "updated_at": trained_at or started_at or iso(self.created_at),
            "started_training_at": started_at,
            "trained_at": None if self.failed else trained_at,
            "url": self.url,
            "images": await asyncio.shield(self.work) if trained_at else [],
            "user_error": self.refusal if trained_at else None,
            "cost_mc": self.cost_mc,
            "pack_id": None,
            "order_id": None,
            "image_references": [],
        }


def num_images(fields: dict[str, Any]) -> int:
    """The number of images that a prompt orders."""
    return int(fields.get("num_images", 1))


def shots(fields: dict[str, Any], text: str, fidelity: float, *, mock: bool) -> list[Shot]:
    """The pictures of a prompt; their seeds count up from its own, or from the worker's 42."""
    width, height = image_size(fields)
    seed = fields.get("seed") or WORKER_SEED
    return [
        Shot("astria", text, width, height, seed + number, fidelity, mock)
        for number in range(num_images(fields))
    ]


def image_size(fields: dict[str, Any]) -> tuple[int, int]:
    """Width and height, in the multiples of 32 that Flux draws."""
    if "w" in fields or "h" in fields:
        return _to_32(fields.get("w", 1024)), _to_32(fields.get("h", 1024))
    ratio = fields.get("aspect_ratio") or OLD_RATIOS.get(fields.get("ar", "1:1"), "1:1")
    across, down = map(int, ratio.split(":"))
    return _to_32((FLUX_PIXELS * across / down) ** 0.5), _to_32((FLUX_PIXELS * down / across) ** 0.5)


def _to_32(length: float) -> int:
    return max(32, round(length / 32) * 32)


def _reached(moment: datetime, now: datetime) -> str | None:
    return iso(moment) if now >= moment else None
