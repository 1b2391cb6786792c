"""The whole service in one process and one thread: real handlers, real state machine files, real adapters.

Behind them AWS in memory, the providers' simulators as applications, and one clock that a test
moves. Each function has a sandbox of its own, which is lost when it crashes. What is not here: API Gateway,
Lambda, the interpreter of Step Functions (``executions.py`` stands for it), EventBridge, and the queue of the
scorer (``scored_pictures.py``).
"""

import asyncio
import itertools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from importlib import import_module
from typing import Any
from urllib.parse import parse_qsl

import boto3
import httpx
import pytest

from character_identity import wiring
from character_identity.aws.media_bucket import MediaBucket
from character_identity.aws.open_work import OpenWorkTable
from character_identity.ports.stores import OpenRow
from infra.catalog import pascal
from scripts.signing_chain import self_made
from tests.support.builders import NOON, an_image
from tests.support.direct_calls import all_stored
from tests.support.handlers import Answer, Api, Context
from tests.support.in_process.executions import Crash, Execution, Executions
from tests.support.in_process.fault_injection import FaultyTransport, Watched
from tests.support.in_process.past import Notes, Past
from tests.support.in_process.patches import apply_patches, is_store
from tests.support.in_process.scored_pictures import ScoredPictures
from tests.support.mocked_aws import StateTable, create_bucket, create_table, media_bucket, services_in_memory
from tests.support.simulators import FakeClock, Simulation, Web

PROVIDERS_AT = "http://127.0.0.1:9"
CALLBACKS_TO = "https://api.test"
TASKS = [
    "prepare_training",
    "submit_training",
    "check_training",
    "store_weights",
    "record_training",
    "prepare_generation",
    "submit_generation",
    "check_generation",
    "store_images",
    "record_generation",
    "plan_evaluation",
    "make_identities",
    "check_identities",
    "order_cell",
    "check_cell",
    "check_scores",
    "compile_evaluation",
    "record_evaluation",
    "wait_for_callback",
]
SWEEP_EVERY = timedelta(minutes=1)
LARGEST_OBJECT_BYTES = 50_000_000
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "000000000000",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "TABLE_NAME": "state",
    "BUCKET_NAME": "media",
    "FAL_QUEUE_URL": f"{PROVIDERS_AT}/fal/queue",
    "FAL_REST_URL": f"{PROVIDERS_AT}/fal/rest",
    "FAL_PLATFORM_URL": f"{PROVIDERS_AT}/fal/platform",
    "ASTRIA_API_URL": f"{PROVIDERS_AT}/astria",
    "FAL_SECRET_NAME": "fal",
    "FAL_ADMIN_SECRET_NAME": "fal-admin",
    "ASTRIA_SECRET_NAME": "astria",
    "MONTHLY_BUDGET_USD": "1000",
    "OPERATOR_BUDGET_USD": "1000000",
    "REQUESTS_PER_MINUTE": "1000",
    "READS_PER_MINUTE": "10000",
    "LOCAL_MODE": "true",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:4566",  # without which local mode is refused; moto plays AWS
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
    "MEDIA_HOSTS": "media.localhost",
}
KEYS = {
    "fal": "simulator-id:simulator-secret",
    "fal-admin": "simulator-admin:simulator-secret",
    "astria": "sd_simulator",
}
SIGNING = self_made(NOON, timedelta(days=36_500))
WAITS: dict[str, Any] = {"media_host": "media.localhost", "queue_s": 5, "training_s": 150, "generation_s": 8}
"""Seconds; a training lasts long enough for the sweep to come by."""


def key_in(link: httpx.URL) -> str:
    """The key of the object that a link to our bucket leads to."""
    return link.path.lstrip("/").removeprefix("media/")


class ProvidersWeb(Web):
    """The web as the simulators see it: themselves, our bucket, our API, whose posts are kept for later."""

    def __init__(self, faulty_transport: FaultyTransport) -> None:
        super().__init__()
        self._faulty_transport = faulty_transport

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "127.0.0.1" and self.app is not None:
            return await self.app.handle_async_request(request)
        if is_store(request.url.host):
            with self._faulty_transport.unwatched():
                stored = boto3.client("s3").get_object(Bucket="media", Key=key_in(request.url))
                return httpx.Response(200, content=stored["Body"].read())
        return await super().handle_async_request(request)


class Harness:
    """``webhooks``: whether providers are given an address to call back; ``past``: where it goes on from.

    ``before_step`` is called with every step of a state machine.
    """

    def __init__(
        self,
        runner: asyncio.Runner,
        patch: pytest.MonkeyPatch,
        *,
        webhooks: bool = True,
        past: Past | None = None,
    ) -> None:
        apply_patches(patch)
        self.faulty_transport = FaultyTransport()
        self._notes = past.notes.copied() if past else Notes()
        self.simulator = Simulation(runner, self._notes, FakeClock(past.now) if past else None, **WAITS)
        self.web = ProvidersWeb(self.faulty_transport)
        self.web.app = self.simulator.web.app
        self.simulator.web = self.web
        self.simulator.state.web._transport = self.web
        self.clock = self.simulator.clock
        self.before_step: Callable[[Execution], None] | None = None
        self._ids = itertools.count(1)
        self._delivered = 0
        self._sandboxes: dict[str, wiring.Services] = {}
        self._entered = ["a test"]
        self.settings = {**ENVIRONMENT, "WEBHOOK_URL": CALLBACKS_TO if webhooks else "off"}
        for name, value in self.settings.items():
            patch.setenv(name, value)
        self._prepare_aws(is_new=past is None)
        tasks = {pascal(name): self._task(name) for name in TASKS}
        self.executions = Executions(tasks, self.clock.now, read=lambda bucket, key: self.stored(key))
        self.scored_pictures: ScoredPictures | None = None
        services = partial(lambda: self.services(self._entered[-1]))
        services.__dict__["cache_clear"] = self._sandboxes.clear
        patch.setattr(wiring, "services", services)
        self.faulty_transport.watch_aws(patch)
        self.faulty_transport.watch_http(patch, self._answer)
        self.swept_at = self.clock.now()
        if past:
            self._go_on_from(past)

    def _prepare_aws(self, is_new: bool) -> None:
        self.table = create_table() if is_new else StateTable()
        bucket = create_bucket() if is_new else media_bucket()
        self._objects = MediaBucket(bucket.meta.client, bucket.name, str)
        secrets = boto3.client("secretsmanager")
        for name, key in {**KEYS, "provenance": SIGNING}.items() if is_new else ():
            secrets.create_secret(Name=name, SecretString=key)
        self.api = Api(bucket)

    def _go_on_from(self, past: Past) -> None:
        self.swept_at = past.swept_at
        self.web.posts.extend(past.posts)
        self._delivered = len(past.posts)
        self.faulty_transport.calls.extend(past.calls)
        self.executions.by_name.update((execution.name, execution) for execution in past.ended)
        self._ids, self.simulator.ids = (
            itertools.count(past.next_id),
            itertools.count(past.simulators_next_id),
        )

    def past(self) -> Past:
        """Return what there is to go on from; this harness itself has ended."""
        assert not self._work() and self._next_due() is None, "something is left to do"
        return Past(
            now=self.clock.now(),
            swept_at=self.swept_at,
            stored=all_stored(),
            notes=self._notes,
            posts=tuple(self.web.posts),
            calls=tuple(self.faulty_transport.calls),
            ended=tuple(self.executions.by_name.values()),
            next_id=next(self._ids),
            simulators_next_id=next(self.simulator.ids),
        )

    # what callers and providers do

    def uploads(self, count: int) -> list[str]:
        """Keys of pictures that ann uploaded."""
        with self.faulty_transport.unwatched():
            return self.api.all_uploaded([an_image(colour=(40 * number, 90, 200)) for number in range(count)])

    def call(self, name: str, method: str, path: str, body: Any = None, **more: Any) -> Answer:
        """One request; a crash is API Gateway's 500, after which a caller repeats it."""
        try:
            with self._sandbox(name):
                return self.api(name, method, path, body, **more)
        except Crash:
            return Answer(500, {"message": "Internal Server Error"}, {})

    def deliver(self) -> None:
        """Bring the callbacks that the simulators posted since the last time to our API."""
        posts, self._delivered = self.web.posts[self._delivered :], len(self.web.posts)
        for post in posts:
            self.receive(post)

    def receive(self, post: httpx.Request) -> int:
        """One callback, whoever it comes from; the status of our answer."""
        fal = post.url.path == "/webhooks/fal"
        answer = self.call(
            "receive_fal_callback" if fal else "receive_astria_callback",
            "POST",
            post.url.path,
            text=post.content.decode(),
            query=dict(parse_qsl(post.url.query.decode())),
            headers=dict(post.headers),
        )
        return answer.status

    def score_pictures(self) -> None:
        """Have the scorer see every picture that is stored from now on."""
        self.scored_pictures = ScoredPictures(self._objects, self.faulty_transport, self._invoke)

    def begin_ids(self, first: int = 1_000) -> None:
        """Draw ids from a number on: a request that is repeated draws the same."""
        self._ids = itertools.count(first)

    def change(self, **settings: str) -> None:
        """Deploy the functions anew, with other settings."""
        self.settings |= settings
        self._sandboxes.clear()

    # what happens by itself

    def run(self, limit: timedelta = timedelta(hours=5)) -> None:
        """Let time pass until no machine runs and nothing is left to be seen to."""
        end = self.clock.now() + limit
        while self.clock.now() < end:
            if not self._work():
                due = self._next_due()
                if due is None:
                    return
                self._pass_time(due)
        raise AssertionError(f"after {limit} there is work left: {self.open_work()}")

    def let_pass(self, seconds: float) -> None:
        """Let so much time pass, and all work be done that is due by then."""
        end = self.clock.now() + timedelta(seconds=seconds)
        while self._work() or self.clock.now() < end:
            self._pass_time(end)

    def sweep(self) -> None:
        """Sweep as the schedule does every minute; one that fails raises an alarm, and the next one comes."""
        self.swept_at = self.clock.now()
        try:
            self._invoke("sweep", {})
        except (Crash, Exception):
            return

    def _work(self) -> bool:
        """Do what can be done now; False if there is nothing."""
        due = self.executions.due
        for execution in due:
            if self.before_step is not None:
                self.before_step(execution)
            if execution.status == "RUNNING":
                self.executions.step(execution)
        self.deliver()
        if self.scored_pictures is not None:
            self.scored_pictures.deliver(self.now())
        return bool(due)

    def _next_due(self) -> datetime | None:
        """Return when the next thing is to be done that is known of; None if all has ended."""
        next_step = self.executions.next_due()
        if next_step is not None:
            return next_step
        rows = self.open_work()
        return max(min(row.due_at for row in rows), self.swept_at + SWEEP_EVERY) if rows else None

    def _pass_time(self, limit: datetime) -> None:
        """On to the next step of a machine, callback or sweep; sweeps with nothing to do are left out."""
        callbacks = self.clock.waiting.values()
        target = min(filter(None, (self.executions.next_due(), *callbacks, limit)))
        if self.executions.next_due() is not None:
            target = min(target, self.swept_at + SWEEP_EVERY)
        self.simulator.let_pass(max((target - self.clock.now()).total_seconds(), 0))
        if self.clock.now() >= self.swept_at + SWEEP_EVERY:
            self.sweep()

    # what there is to see

    def open_work(self) -> list[OpenRow]:
        """Return the rows that are still open, but for scores that somebody waits for: no scorer is here."""
        with self.faulty_transport.unwatched():
            rows = OpenWorkTable(self.table).due(self.clock.now() + timedelta(days=30), 100)
        return [row for row in rows if row.kind != "scoring"]

    def paid(self) -> list[dict[str, Any]]:
        """The billable orders that the providers took."""
        return list(self.simulator.state.ledger.document()["calls"])

    def stored_keys(self) -> list[str]:
        """Return the keys in the bucket, uploads left out."""
        with self.faulty_transport.unwatched():
            return [key for key in self._objects.list_keys("") if not key.startswith("uploads/")]

    def stored(self, key: str) -> bytes:
        """What lies in the bucket at a key."""
        with self.faulty_transport.unwatched():
            return self._objects.read(key, LARGEST_OBJECT_BYTES)

    @property
    def function(self) -> str:
        """The function that is at work, or ``a test``."""
        return self._entered[-1]

    def now(self) -> datetime:
        return self.clock.now()

    # functions

    def _task(self, name: str) -> Any:
        return lambda event: self._invoke(name, event)

    def _invoke(self, name: str, event: Any) -> Any:
        with self._sandbox(name):
            return import_module(f"functions.{name}.handler").lambda_handler(event, Context())

    @contextmanager
    def _sandbox(self, name: str) -> Iterator[None]:
        """Return the sandbox of a function; what it remembers is lost when it crashes."""
        self._entered.append(name)
        try:
            yield
            self.faulty_transport.answers(name)
        except Crash:
            self._sandboxes.pop(name, None)
            raise
        finally:
            self._entered.pop()

    def services(self, name: str) -> wiring.Services:
        """Those of a function, in the sandbox that it has now."""
        if name not in self._sandboxes:
            services = wiring.Services(
                self.settings,
                now=self.clock.now,
                new_id=lambda: f"{next(self._ids):032x}",
                new_seed=lambda: 7,
                sleep=self.let_pass,
            )
            services.__dict__["state_machines"] = Watched(
                self.executions, "workflows", self.faulty_transport.through
            )
            self._sandboxes[name] = services
        return self._sandboxes[name]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        """A provider's answer, or an object of ours; a callback that was posted before it comes first."""
        if is_store(request.url.host):
            return httpx.Response(200, content=self.stored(key_in(request.url)))
        with self.faulty_transport.unwatched():
            answer = self.simulator.answer(request)
        if len(self.web.posts) > self._delivered:
            self.deliver()
        return answer


@contextmanager
def harness(
    patch: pytest.MonkeyPatch, *, webhooks: bool = True, past: Past | None = None
) -> Iterator[Harness]:
    """Return a new harness, or one that goes on from the past of another."""
    logging.disable()
    try:
        with services_in_memory(past.stored if past else None), asyncio.Runner() as runner:
            yield Harness(runner, patch, webhooks=webhooks, past=past)
    finally:
        logging.disable(logging.NOTSET)
