"""``python -m local references``: reference images of a character from words, each paid once.

A model that draws from text alone does not know a face again: the images show people who answer to one
description. Photographs of one person serve better, and any file that is there already is left as it is.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from character_evaluation.characters import SHIPPED, Character, ReferenceImage, character
from character_evaluation.documents import BadDocument
from character_evaluation.pages import dollars
from character_identity.domain.errors import (
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
    ServiceError,
)
from character_identity.domain.job import JobHandle
from character_identity.outbound.client import open_client
from character_identity.outbound.guard import UrlGuard
from character_identity.outbound.provider_http import TIMEOUT_S
from character_identity.outbound.safe_http import SafeHttpClient
from character_identity.providers.fal.queue import FalQueue, FalResult
from character_identity.providers.fal.retention import IMAGES_LIVE_S
from character_identity_client.asking import Ask, asker
from local.errors import CannotRun, answering
from local.options import BadOption, Parser, folder
from local.packages import STATE
from local.service import Service
from local.settings import ProviderSettings
from local.spending import agree_to
from scripts.atomic import write_file

ENDPOINT = "fal-ai/flux/dev"
PRICE_USD = 0.025
"""A megapixel, each image rounded up to whole ones.

https://fal.ai/models/fal-ai/flux/dev/llms.txt, read 2026-11-22.
"""
SIDE = 1024
"""Pixels of an image, as the specification wants them."""
MOST_MEGAPIXELS = 2
"""Of an image: where a megapixel is 1,000,000 pixels, 1024 x 1024 are more than one."""
FAL_QUEUE_URL = "https://queue.fal.run"
LARGEST_IMAGE = 32 << 20  # bytes
STARTS_WITHIN = timedelta(minutes=30)
RESULT_WITHIN_S = 15 * 60
POLL_S = 1.0
ORDERS = "orders.json"

Say = Callable[[str], None]


def main(arguments: Sequence[str]) -> int:
    """Make what is missing; 0 if all images are there, 1 if one could not be made, 2 if it cannot run."""
    return answering(lambda: _main(arguments, os.environ, asker()))


class Orders:
    """What was ordered, by file: on disk before the call that is paid, and with its address right after."""

    def __init__(self, file: Path) -> None:
        self._file = file
        try:
            self._known: dict[str, dict[str, Any]] = json.loads(file.read_bytes()) if file.exists() else {}
        except ValueError as error:
            raise CannotRun(f"{file} cannot be read; move it away to order anew what is missing.") from error

    def once(self, name: str, facts: Mapping[str, Any], submit: Callable[[], JobHandle]) -> JobHandle:
        """Return the order of a file; it is submitted unless that was done.

        Raises:
            CannotRun: nobody knows whether it was accepted, and so paid.
            ProviderRejected, ProviderUnavailable: nothing was ordered.
        """
        known = self._known.get(name)
        if known and not known.get("job"):
            raise CannotRun(
                f"{name} may have been ordered, and its answer was lost: look at the requests of your "
                f"account, and take it out of {self._file} to order it again."
            )
        if known:
            return JobHandle.model_validate(known["job"])
        self._note(name, {**facts, "job": None})
        try:
            job = submit()
        except (ProviderRejected, ProviderUnavailable):
            self.forget(name)
            raise
        self._note(name, {**facts, "job": job.model_dump()})
        return job

    def forget(self, name: str) -> None:
        """Let a file be ordered again."""
        self._known.pop(name, None)
        self._write()

    def forget_all(self) -> None:
        """Let all be ordered again."""
        self._known.clear()

    def _note(self, name: str, facts: dict[str, Any]) -> None:
        self._known[name] = facts
        self._write()

    def _write(self) -> None:
        write_file(self._file, json.dumps(self._known, indent=2).encode(), mode=0o600)


@dataclass(frozen=True)
class Studio:
    """Where images are drawn: fal's queue, and how long it is waited for."""

    queue: FalQueue
    media: SafeHttpClient
    orders: Orders
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def draw(self, prompt: str, seed: int, file: Path, simulated: bool) -> None:
        """Put an image into a file; its order is found again if it was made before.

        Raises:
            CannotRun: there is none; the message says why, and whether it is ordered again.
        """
        facts = {"endpoint": ENDPOINT, "prompt": prompt, "seed": seed, "simulated": simulated}
        body = {
            "prompt": prompt,
            "image_size": {"width": SIDE, "height": SIDE},
            "seed": seed,
            "num_images": 1,
            "output_format": "jpeg",
        }
        try:
            job = self.orders.once(
                file.name,
                facts,
                lambda: self.queue.submit(
                    ENDPOINT, body, outputs_live_s=IMAGES_LIVE_S, starts_within=STARTS_WITHIN
                ),
            )
            content = self._image(file.name, self._result(file.name, job))
        except ProviderOutcomeUnknown as error:
            raise CannotRun(
                f"{file.name}: {error.message}; it may have been ordered and is not again."
            ) from error
        except ServiceError as error:
            raise CannotRun(f"{file.name}: {error.message}") from error
        write_file(file, content)

    def _result(self, name: str, job: JobHandle) -> dict[str, Any]:
        ends_at = self.clock() + RESULT_WITHIN_S
        while True:
            found = self._looked_up(job)
            if found is not None:
                break
            if self.clock() >= ends_at:
                raise CannotRun(
                    f"{name} is not there after {RESULT_WITHIN_S // 60} minutes; ask again later."
                )
            self.sleep(POLL_S)
        if found.output is None:
            self.orders.forget(name)
            raise CannotRun(f"{name} was not made: {found.reason}")
        return found.output

    def _looked_up(self, job: JobHandle) -> FalResult | None:
        try:
            return self.queue.result(job) if self.queue.status(job).state == "COMPLETED" else None
        except ProviderUnavailable:
            return None  # of the question, not of the job

    def _image(self, name: str, output: dict[str, Any]) -> bytes:
        """The bytes of the one image; a black one, which a safety checker leaves, is none."""
        if output.get("has_nsfw_concepts") == [True]:
            self.orders.forget(name)
            raise CannotRun(f"{name} was withheld by the safety checker; another SEED may do.")
        try:
            content = self.media.fetch(output["images"][0]["url"], LARGEST_IMAGE)
            with Image.open(BytesIO(content)) as image:
                image.verify()
        except (KeyError, IndexError, TypeError, OSError, SyntaxError) as error:
            raise CannotRun(f"{name} came as something that is no picture; ask again.") from error
        return content


def _main(arguments: Sequence[str], environment: Mapping[str, str], ask: Ask | None) -> int:
    given = _options(arguments, environment)
    wanted = _character(given.character)
    settings = ProviderSettings(environment)
    simulated = "FAL_KEY" in settings.simulated
    name = wanted.name.lower().replace(" ", "-")
    output = given.output or STATE / "characters" / (f"{name}-simulated" if simulated else name)
    images = wanted.references + (wanted.further if given.all else ())
    missing = [image for image in images if not (output / image.file).exists()]
    if missing and not simulated:
        least = PRICE_USD * len(missing)
        amount = f"about {dollars(least)}, and at most {dollars(least * MOST_MEGAPIXELS)}"
        agree_to(amount, ask, print, yes=given.yes)
    output.mkdir(parents=True, exist_ok=True)
    problems = []
    with ExitStack() as stack:
        if missing:
            studio = _studio(stack, environment, settings, output)
            problems = make(studio, wanted, missing, output, given.seed, simulated, print)
    _conclude(wanted, output, images, simulated)
    for problem in problems:
        print(problem, file=sys.stderr)
    return 1 if problems else 0


def make(
    studio: Studio,
    wanted: Character,
    missing: Sequence[ReferenceImage],
    output: Path,
    seed: int,
    simulated: bool,
    say: Say,
) -> list[str]:
    """Make images one after the other; returns a sentence for each that could not be made."""
    problems = []
    for image in missing:
        say(f"{image.file}: {image.title} ...")
        try:
            studio.draw(wanted.prompt(image), seed, output / image.file, simulated)
        except CannotRun as problem:
            problems.append(str(problem))
    return problems


def _studio(
    stack: ExitStack, environment: Mapping[str, str], settings: ProviderSettings, output: Path
) -> Studio:
    url, orders = environment.get("FAL_QUEUE_URL") or FAL_QUEUE_URL, Orders(output / ORDERS)
    simulated = "FAL_KEY" in settings.simulated
    if simulated and not environment.get("FAL_QUEUE_URL"):
        orders.forget_all()  # a simulator that has ended knows nothing of them
        keys = [word for option in settings.simulator_options().items() for word in option]
        simulators = Service("local.simulators", "--port", "0", *keys, logs=STATE / "logs")
        stack.callback(simulators.stop)
        url = f"http://127.0.0.1:{simulators.announcement()['port']}/fal/queue"
    guard = UrlGuard(allow_loopback=simulated)
    client = stack.enter_context(open_client(guard, TIMEOUT_S))
    media = stack.enter_context(closing(SafeHttpClient(guard)))
    queue = FalQueue(client, _Key(settings.fal_key), url, url, media)
    return Studio(queue, media, orders)


class _Key(str):
    """A key of the environment: there is no other to fetch."""

    def __call__(self) -> str:
        return str(self)

    def refresh(self) -> str:
        return str(self)


def _character(file: Path) -> Character:
    try:
        return character(str(file))
    except BadDocument as error:
        known = "" if file.exists() else f" The characters that are shipped: {', '.join(SHIPPED)}."
        raise BadOption(f"{error}{known}") from error


def _options(arguments: Sequence[str], environment: Mapping[str, str]) -> Any:
    parser = Parser("references", __doc__)
    parser.add_argument(
        "--character", type=folder, default=SHIPPED[0], help="sarah, or a file of one's own (YAML)"
    )
    parser.add_argument("--output", type=folder, metavar="DIR", help="where the images go, or are already")
    parser.add_argument("--all", action="store_true", help="the further images too: eight of Sarah")
    parser.add_argument("--seed", type=int, default=1, help="another one draws other people; default: 1")
    parser.add_argument("--yes", action="store_true", help="pay fal without being asked")
    return parser.read(arguments, environment)


def _conclude(wanted: Character, output: Path, images: Sequence[ReferenceImage], simulated: bool) -> None:
    there = sum((output / image.file).exists() for image in images)
    print(f"{there} of {len(images)} images of {wanted.name} are in {output}.")
    if simulated:
        print(
            "Simulated: a simulator drew what it had to draw, with one face for everybody; nothing was "
            "charged. FAL_KEY brings in the real one."
        )
    print(COUNTS)
    values = {"REFERENCES": str(output), "NAME": wanted.name, "CLASS": wanted.class_name}
    quoted = (f'{name}="{value}"' if " " in value else f"{name}={value}" for name, value in values.items())
    print("make demo", *quoted)


COUNTS = (
    "Five are enough for every provider: fal-instant uses one, fal-lora takes 5 to 20, astria 4 to 20. The "
    "specification's own Astria module refuses fewer than eight, which is its rule and not Astria's; "
    "ALL=1 makes eight."
)
"""The specification has five images in its data and asks for eight in its Astria module; Astria's documents
know a least of one, its tools of four (docs.astria.ai, revision of 2026-08-21)."""
