"""A simulator to call without a server: fake time, fake web, and files to hand it."""

import asyncio
import contextlib
import io
import itertools
import json
import sys
import zipfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import httpx
import numpy as np
from PIL import Image, ImageDraw
from starlette import routing
from starlette.types import ASGIApp

from local.simulators.app import create_app
from local.simulators.memory import Memory
from local.simulators.settings import SimulatorSettings
from local.simulators.simulator import Simulator

ORIGIN = "http://simulator"
QUEUE, RUN, REST = f"{ORIGIN}/fal/queue", f"{ORIGIN}/fal/run", f"{ORIGIN}/fal/rest"
PLATFORM = f"{ORIGIN}/fal/platform"
ASTRIA, CONTROL = f"{ORIGIN}/astria", f"{ORIGIN}/control"
FAL_KEY = {"Authorization": "Key simulator-id:simulator-secret"}
FAL_ADMIN_KEY = {"Authorization": "Key simulator-admin:simulator-secret"}
ASTRIA_KEY = {"Authorization": "Bearer sd_simulator"}
SEED_OF_LUCK = 4711

CLOTH = (200, 20, 180)
"""The colour that the character of these tests wears; no scene is painted in it."""

Json = dict[str, Any]

routing.compile_path = cache(routing.compile_path)  # each simulator has the same fifty routes
sys.modules.setdefault("sniffio", None)  # type: ignore[arg-type]  # HTTPX looks for it in vain with each call


class FakeClock:
    """Time that passes when a test lets it, and never really: sleeping makes it pass, waiting does not."""

    def __init__(self, now: datetime = datetime(2026, 11, 22, 10, 0, tzinfo=UTC)) -> None:
        self._now = now
        self.waiting: dict[asyncio.Event, datetime] = {}

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self.advance(seconds)

    async def until(self, moment: datetime) -> None:
        if moment > self._now:
            come = asyncio.Event()
            self.waiting[come] = moment
            try:
                await come.wait()
            finally:
                self.waiting.pop(come, None)

    def advance(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        for come in [come for come, moment in self.waiting.items() if moment <= self._now]:
            del self.waiting[come]
            come.set()


class Web(httpx.AsyncBaseTransport):
    """The web as the simulator sees it: some files, the simulator itself, and somebody who takes posts.

    Posts are answered with the next of ``answers``, then with 200; None is no answer.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.posts: list[httpx.Request] = []
        self.answers: list[int | None] = []
        self.app: httpx.ASGITransport | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "simulator" and self.app is not None:
            return await self.app.handle_async_request(request)
        if request.method == "POST":
            self.posts.append(request)
            status = self.answers.pop(0) if self.answers else 200
            if status is None:
                raise httpx.ReadTimeout("no answer")
            return httpx.Response(status, headers={"location": "https://elsewhere.test/"})
        data = self.files.get(str(request.url))
        return httpx.Response(404) if data is None else httpx.Response(200, content=data)


class Simulation:
    """A simulator that is called without a server; jobs work on while a call is being answered."""

    def __init__(
        self,
        runner: asyncio.Runner,
        memory: Memory | None = None,
        clock: FakeClock | None = None,
        /,
        **settings: Any,
    ) -> None:
        self._loop = runner.get_loop()
        self.clock = clock or FakeClock()
        self.web = Web()
        self.ids = itertools.count(1)
        self.state = Simulator(
            settings=SimulatorSettings(**settings),
            clock=self.clock,
            web=httpx.AsyncClient(transport=self.web),
            new_id=lambda: f"00000000-0000-4000-8000-{next(self.ids):012}",
            new_seed=lambda: SEED_OF_LUCK,
            memory=memory or Memory(),
        )

        async def create() -> ASGIApp:
            return create_app(self.state)  # goes on with what it remembers, so it needs a running loop

        self.web.app = httpx.ASGITransport(self._loop.run_until_complete(create()))
        self._client = httpx.AsyncClient(transport=self.web.app)

    def answer(self, request: httpx.Request) -> httpx.Response:
        """The answer to a request that a client of the caller's has made, and would make again here."""
        app = self.web.app
        assert app is not None
        request.read()

        async def answered() -> httpx.Response:
            response = await app.handle_async_request(request)
            content = await response.aread()
            return httpx.Response(response.status_code, headers=response.headers, content=content)

        return self._loop.run_until_complete(answered())

    def call(self, method: str, url: str, **request: Any) -> httpx.Response:
        """One request as the caller makes it."""
        return self._loop.run_until_complete(self._client.request(method, url, **request))

    def call_together(self, calls: list[tuple[str, str, Json]]) -> list[httpx.Response]:
        """Several requests at once, each a method, a URL and the rest."""

        async def all_of_them() -> list[httpx.Response]:
            requests = (self._client.request(method, url, **request) for method, url, request in calls)
            return await asyncio.gather(*requests)

        return self._loop.run_until_complete(all_of_them())

    def hang_up(self, method: str, url: str, **request: Any) -> None:
        """Make a request and do not wait for its answer."""

        async def impatient() -> None:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._client.request(method, url, **request), 0.001)

        self._loop.run_until_complete(impatient())

    def fal(self, method: str, url: str, **request: Any) -> httpx.Response:
        """One request with fal's key."""
        return self.call(method, url, headers={**FAL_KEY, **request.pop("headers", {})}, **request)

    def astria(self, method: str, path: str, **request: Any) -> httpx.Response:
        """One request with Astria's key."""
        return self.call(method, ASTRIA + path, headers=ASTRIA_KEY, **request)

    def submit(self, endpoint: str, payload: object) -> Json:
        """Queue a call of a fal endpoint."""
        reply = self.fal("POST", f"{QUEUE}/{endpoint}", json=payload)
        assert reply.status_code == 200, reply.text
        return dict(reply.json())

    def finish(self, endpoint: str, payload: object) -> httpx.Response:
        """Queue a call, let time pass, and return its result."""
        job = self.submit(endpoint, payload)
        self.clock.advance(60)
        return self.fal("GET", job["response_url"])

    def let_pass(self, seconds: float) -> list[Json]:
        """Let time pass and all work be done, and return the bodies that were posted meanwhile."""
        before = len(self.web.posts)
        self.clock.advance(seconds)
        if self._is_at_work():
            self._loop.run_until_complete(self._settle())
        return [json.loads(request.content) for request in self.web.posts[before:]]

    def _is_at_work(self) -> bool:
        """Return True if there is work that does not wait for a later time."""
        return len(self.state.at_work) > len(self.clock.waiting)

    async def _settle(self) -> None:
        while self._is_at_work():
            await asyncio.sleep(0.001)

    def arm(self, operation: str, kind: str, **fault: Any) -> None:
        """Arm a fault for the next call."""
        reply = self.call("POST", f"{CONTROL}/faults", json={"operation": operation, "kind": kind, **fault})
        assert reply.status_code == 201, reply.text

    def change(self, **settings: Any) -> None:
        """Change settings."""
        assert self.call("POST", f"{CONTROL}/settings", json=settings).status_code == 200

    def ledger(self) -> list[Json]:
        """The orders so far."""
        return list(self.call("GET", f"{CONTROL}/ledger").json()["calls"])

    def files(self, provider: str) -> list[Json]:
        """The files that a provider still keeps."""
        return list(self.call("GET", f"{CONTROL}/media").json()[provider])

    def publish(self, url: str, data: bytes) -> str:
        """Put a file on the fake web."""
        self.web.files[url] = data
        return url

    def train(self, trigger_word: str | None = "SARAH") -> str:
        """Train a LoRA and return the URL of its weights."""
        archive = self.publish("https://files.test/refs.zip", zip_of({"1.jpg": jpeg(portrait())}))
        body = {"images_data_url": archive, "trigger_word": trigger_word}
        result = self.finish("fal-ai/flux-lora-fast-training", body)
        return str(result.json()["diffusers_lora_file"]["url"])

    def tune(self, **fields: Any) -> Json:
        """Create a tune of a Flux LoRA."""
        url = self.publish("https://files.test/1.jpg", jpeg(portrait()))
        wanted = {
            "title": "chr_1",
            "name": "woman",
            "base_tune_id": 1504944,
            "model_type": "lora",
            "image_urls": [url],
        }
        reply = self.astria("POST", "/tunes", json={"tune": {**wanted, **fields}})
        assert reply.status_code == 201, reply.text
        return dict(reply.json())

    def image(self, url: str) -> Image.Image:
        """The picture behind a link of the simulator."""
        return Image.open(io.BytesIO(self.call("GET", url).content)).convert("RGB")


def portrait(cloth: tuple[int, int, int] = CLOTH) -> Image.Image:
    """A face over a coloured shirt, on grey."""
    image = Image.new("RGB", (320, 400), (128, 130, 132))
    draw = ImageDraw.Draw(image)
    draw.rectangle((60, 230, 260, 400), fill=cloth)
    draw.ellipse((110, 70, 210, 210), fill=(224, 172, 140))
    return image


def jpeg(image: Image.Image) -> bytes:
    """The image as a JPEG file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=92)
    return buffer.getvalue()


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """A ZIP archive."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def share_of_cloth(image: Image.Image) -> float:
    """Return the share of an image in the colour that the character wears."""
    red, green, blue = np.moveaxis(np.asarray(image.convert("RGB"), dtype=np.int16), 2, 0)
    return float(((red - green > 60) & (blue - green > 50)).mean())
