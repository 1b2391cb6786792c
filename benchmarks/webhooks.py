"""What each job costs when the providers' webhooks come, and when they do not."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from benchmarks.history import cost_of
from character_identity.domain.job import job_id_of
from character_identity.providers.fal.flux_lora import FluxLoraImages, FluxLoraTrainer
from character_identity_client import ApiClient
from local.deploy import client
from local.errors import CannotRun
from local.photographs import EILEEN, make_references
from local.runtime import Options, System, running

WAIT_SCALE = 0.02
TRAINING_S = FluxLoraTrainer.usual_s * WAIT_SCALE
GENERATION_S = FluxLoraImages.usual_s * WAIT_SCALE
LATE_S = 2.0
MOST_WHEN_WOKEN = 12  # transitions
LONGEST_S = 60.0
POLL_S = 0.25
PROMPT = "Close-up portrait of Eileen, soft studio lighting"


@dataclass(frozen=True)
class Case:
    """What becomes of the webhooks: ``habits`` are settings of the simulators."""

    name: str
    habits: Mapping[str, object] = field(default_factory=dict)
    asked_for: bool = True
    strangers: bool = False  # post callbacks that nobody sent


WARM_UP = Case("", {"training_s": 0, "generation_s": 0})
"""A function's first start takes longer than some waits."""
CASES = (
    Case("on"),
    Case("off", asked_for=False),
    Case("dropped", {"fal_webhook_copies": 0, "astria_callback_copies": 0}),
    Case("late", {"fal_webhook_delay_s": LATE_S, "astria_callback_delay_s": LATE_S}),
    Case("tripled", {"fal_webhook_copies": 3, "astria_callback_copies": 3}),
    # fal's come signed with another key, and again and again; Astria's are not signed, so strangers guess.
    Case("forged", {"fal_webhook_signature": "forged", "astria_callback_copies": 0}, strangers=True),
)


@dataclass(frozen=True)
class Order:
    """A job to pay for once; ``endpoint`` is where the provider takes the order."""

    provider: str
    kind: str
    endpoint: str

    def __str__(self) -> str:
        return f"{self.provider} {self.kind}"


TRAININGS = (
    Order("fal-lora", "training", "fal-ai/flux-lora-fast-training"),
    Order("astria", "training", "tunes"),
)
GENERATIONS = (
    Order("fal-instant", "generation", "fal-ai/instant-character"),
    Order("fal-lora", "generation", "fal-ai/flux-lora"),
    Order("astria", "generation", "tunes/1504944/prompts"),
)
MACHINES = {"training": "train_identity", "generation": "generate_images"}


@dataclass(frozen=True)
class Job:
    """How an order went. ``polls`` are our polls of the provider, ``reads`` those that it saw."""

    order: Order
    status: str  # of the execution
    paid: int
    polls: int
    reads: int
    transitions: int
    seconds: float


def main() -> int:
    """Run all cases, print, and say whether each job ended well, was paid once and cost what it may."""
    console = Console()
    results: dict[str, list[Job]] = {}
    try:
        for asked_for in (True, False):
            with bench(asked_for, console) as run:
                run(WARM_UP)
                for case in CASES:
                    if case.asked_for == asked_for:
                        console.print(f"Webhooks {case.name} ...")
                        results[case.name] = run(case)
    except CannotRun as problem:
        print(problem, file=sys.stderr)
        return 1
    console.print(f"\n{heading()}", highlight=False, soft_wrap=True)
    console.print(table(results))
    found = list(problems(results))
    for sentence in found:
        print(sentence, file=sys.stderr)
    return 1 if found else 0


@contextmanager
def bench(webhooks: bool, console: Console) -> Iterator[Callable[[Case], list[Job]]]:
    """The system, with a way to run a case on it."""
    with TemporaryDirectory() as folder:
        options = Options(
            environment={},
            webhooks=webhooks,
            wait_scale=WAIT_SCALE,
            training_s=TRAINING_S,
            generation_s=GENERATION_S,
            logs=Path(folder, "logs"),
            report=lambda phase: console.print(f"{phase} ..."),
        )
        with running(options) as system, ApiClient(system.api_url, system.token) as api:
            yield Bench(system, api, make_references(EILEEN, Path(folder, "references"))).run


class Bench:
    """A running system on which all jobs of a case are done at once."""

    def __init__(self, system: System, api: ApiClient, images: Sequence[Path]) -> None:
        self._system = system
        self._api = api
        self._keys = api.upload_references(images)
        self._most = {provider.name: provider.max_references for provider in api.list_providers()}
        self._executions = client("stepfunctions", system.aws)
        self._strangers = False

    def run(self, case: Case) -> list[Job]:
        """The case's jobs: all trainings, and a picture by each provider as soon as it can draw."""
        self._control("POST", "reset")
        self._control("POST", "settings", {"queue_s": 0, **case.habits})
        self._strangers = case.strangers
        trained = {order.provider: order for order in TRAININGS}
        with ThreadPoolExecutor(len(GENERATIONS)) as pool:
            courses = pool.map(
                lambda generating: self._course(trained.get(generating.provider), generating), GENERATIONS
            )
            ended = {order: execution for course in courses for order, execution in course}
        ledger = self._control("GET", "ledger").json()
        return [
            self._job(order, ended[order], ledger) for order in (*TRAININGS, *GENERATIONS) if order in ended
        ]

    def _course(self, training: Order | None, generating: Order) -> list[tuple[Order, Any]]:
        """Return how the executions of one provider ended; nothing is drawn after a training that did not."""
        provider = generating.provider
        references = self._keys[: self._most[provider]]
        identity = self._api.create_identity("Eileen", provider, references, class_name="woman")
        ended = []
        if training:
            ended.append((training, self._end(training, identity.character_id)))
            if self._api.get_identity(identity.character_id).status != "ready":
                return ended
        generation = self._api.generate(identity.character_id, PROMPT, seed=1, num_images=1)
        ended.append((generating, self._end(generating, generation.generation_id)))
        return ended

    def _end(self, order: Order, subject_id: str) -> Any:
        """The execution when it has ended, or as it is when nobody waits any more."""
        machine = self._system.state_machines[MACHINES[order.kind]]
        arn = f"{machine.replace(':stateMachine:', ':execution:')}:{subject_id}"
        give_up_at = time.monotonic() + LONGEST_S
        while True:
            execution = self._executions.describe_execution(executionArn=arn)
            if execution["status"] != "RUNNING" or time.monotonic() > give_up_at:
                return execution
            if self._strangers and order.provider == "astria":
                self._guess(job_id_of(order.kind, subject_id))
            time.sleep(POLL_S)

    def _guess(self, job_id: str) -> None:
        """Call back without knowing the job's secret."""
        url = f"{self._system.api_url}/webhooks/astria/{job_id}.{'0' * 43}"
        answer = httpx.post(url, json={"tune": {"id": 1, "trained_at": "2026-11-23T00:00:00Z"}}, timeout=30)
        if answer.status_code != 404:
            raise RuntimeError(f"A forged callback was answered {answer.status_code}.")

    def _job(self, order: Order, execution: Any, ledger: Any) -> Job:
        pages = self._executions.get_paginator("get_execution_history")
        history = pages.paginate(executionArn=execution["executionArn"])
        cost = cost_of(event for page in history for event in page["events"])
        paid = [call["request_id"] for call in ledger["calls"] if call["endpoint"] == order.endpoint]
        stopped = execution.get("stopDate")
        return Job(
            order=order,
            status=execution["status"],
            paid=len(paid),
            polls=cost.polls,
            reads=sum(ledger["polls"].get(request_id, 0) for request_id in paid),
            transitions=cost.transitions,
            seconds=(stopped - execution["startDate"]).total_seconds() if stopped else LONGEST_S,
        )

    def _control(self, method: str, path: str, body: object = None) -> httpx.Response:
        url = f"{self._system.provider_url}/control/{path}"
        return httpx.request(method, url, json=body, timeout=30).raise_for_status()


def problems(results: Mapping[str, Sequence[Job]]) -> Iterator[str]:
    """A sentence on everything that is not as it should be."""
    for case in CASES:
        jobs = {job.order: job for job in results.get(case.name, ())}
        for order in (*TRAININGS, *GENERATIONS):
            what, job = f"Webhooks {case.name}, {order}", jobs.get(order)
            if job is None:
                yield f"{what}: was never ordered."
                continue
            if job.status != "SUCCEEDED":
                yield f"{what}: {job.status}."
            if job.paid != 1:
                yield f"{what}: paid {job.paid} times."
            if case.name == "on" and job.transitions > MOST_WHEN_WOKEN:
                yield f"{what}: {job.transitions} transitions, more than {MOST_WHEN_WOKEN}."


def heading() -> str:
    """Return what the figures are of."""
    training, generation, late = (unscaled(seconds) for seconds in (TRAINING_S, GENERATION_S, LATE_S))
    lines = (
        "Webhooks: what each job costs",
        "",
        f"Waits of the state machines are multiplied by {WAIT_SCALE}. The simulators train for",
        f"{training} and draw for {generation}, as fal usually does; late webhooks",
        f"come {late} late.",
        "polls: of the provider; reads: those that it saw; transitions: states and retries.",
    )
    return "\n".join(lines)


def unscaled(seconds: float) -> str:
    """A time of a simulator, and what it stands for."""
    return f"{seconds:g} s (for {seconds / WAIT_SCALE:.0f} s)"


def table(results: Mapping[str, Iterable[Job]]) -> Table:
    """All jobs of all cases."""
    result = Table(box=SIMPLE_HEAD, padding=(0, 1, 0, 0))
    for name in ("webhooks", "job"):
        result.add_column(name, no_wrap=True)
    for name in ("polls", "reads", "transitions", "seconds", "paid"):
        result.add_column(name, justify="right", no_wrap=True)
    for case in CASES:
        for number, job in enumerate(results.get(case.name, ())):
            figures = (job.polls, job.reads, job.transitions, f"{job.seconds:.1f}", job.paid)
            result.add_row("" if number else case.name, str(job.order), *map(str, figures))
        result.add_section()
    return result
