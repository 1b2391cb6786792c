"""State transitions that a job costs, with the provider's callback and without.

"Step Functions counts a state transition each time a step of your workflow is executed", retries included;
https://aws.amazon.com/step-functions/pricing/, read 2026-11-23. The start is counted here too.
"""

import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from character_identity.domain.job import LONGEST_WAIT
from character_identity.providers.astria.prompts import AstriaImages
from character_identity.providers.astria.tunes import AstriaTrainer
from character_identity.providers.fal.flux_lora import FluxLoraImages, FluxLoraTrainer
from character_identity.providers.fal.instant_character import InstantImages
from character_identity.services.jobs.generation import GenerationWorkflow
from character_identity.services.jobs.state import Backoff, MachineState
from character_identity.services.jobs.sweep import GRACE
from character_identity.services.jobs.training import TrainingWorkflow
from tests.state_machines.history import Run
from tests.state_machines.scenarios import (
    GENERATE_IMAGES,
    MACHINES,
    OTHER_REPEATS,
    PROVIDER_REPEATS,
    TRAIN_IDENTITY,
    Machine,
)
from tests.support.in_process.executions import DEFINITIONS

MOST_WHEN_WOKEN = 12
MOST_WITHOUT_CALLBACK = 400
LONGEST_HISTORY = 25_000
"""Events of an execution; https://docs.aws.amazon.com/step-functions/latest/dg/limits.html, 2026-11-23."""
TASK_EVENTS, ATTEMPT_EVENTS, CHOICE_EVENTS = 2, 4, 2
"""Entered and exited; of each attempt scheduled, started, submitted where it waits, and how it ended;
https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html, read 2026-11-23."""


@dataclass(frozen=True)
class Job:
    """The polls of one provider's jobs of one kind."""

    name: str
    machine: Machine
    backoff: Backoff
    deadline_s: int

    def polls(self, *, awaiting_callback: bool, done_after_s: int | None = None) -> int:
        """Return how often it is asked for, each time in no time, until it is done or else given up.

        A provider that calls back does so when the job is done.
        """
        start = now = datetime(2026, 11, 23, tzinfo=UTC)
        state = MachineState(
            job_id="training-i1", state="waits", deadline_at=start + timedelta(seconds=self.deadline_s)
        )
        done_at = start + timedelta(seconds=self.deadline_s if done_after_s is None else done_after_s)
        while now < done_at:
            state = state.wait(now, self.backoff, awaiting_callback=awaiting_callback)
            now += timedelta(seconds=state.poll_seconds)
        return state.polls


JOBS = [
    *(
        Job(
            f"training with {trainer.__name__}",
            TRAIN_IDENTITY,
            Backoff(TrainingWorkflow.first_poll_s, TrainingWorkflow.longest_poll_s, trainer.usual_s),
            trainer.deadline_s,
        )
        for trainer in (FluxLoraTrainer, AstriaTrainer)
    ),
    *(
        Job(
            f"generation with {images.__name__}",
            GENERATE_IMAGES,
            Backoff(GenerationWorkflow.first_poll_s, GenerationWorkflow.longest_poll_s, images.usual_s),
            images.deadline_s,
        )
        for images in (InstantImages, FluxLoraImages, AstriaImages)
    ),
]


@pytest.mark.processes
@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
@pytest.mark.parametrize("how", ["woken at once", "woken by another"])
def test_a_job_that_is_woken_once_takes_few_transitions(
    runs: dict[str, Run], machine: Machine, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    run = runs[f"{machine.name}: {how}"]
    transitions = 1 + len(run.path)
    with capsys.disabled():
        print(f"\n{machine.name}, {how}: {transitions} transitions")
    assert run.path.count("WaitForCallback") == 1
    assert transitions <= MOST_WHEN_WOKEN


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_usual_job_with_a_callback_is_polled_twice(job: Job, capsys: pytest.CaptureFixture[str]) -> None:
    polls = job.polls(awaiting_callback=True, done_after_s=job.backoff.usual_s)
    steps = len((*job.machine.begin, *job.machine.poll * polls, job.machine.store, *job.machine.well))
    with capsys.disabled():
        print(f"\n{job.name}: {polls} polls, {steps} steps and the start")
    assert polls == 2
    assert steps <= MOST_WHEN_WOKEN


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_the_deadline_limits_the_transitions_without_callback(
    job: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    polls = job.polls(awaiting_callback=False)
    around = 1 + len((*job.machine.begin, *job.machine.ill))
    transitions = around + polls * len(job.machine.poll)
    # Where even the token cannot be kept, WaitForTimeout comes in between.
    at_worst = transitions + polls
    with capsys.disabled():
        print(f"\n{job.name}: {polls} polls, {transitions} transitions, at worst {at_worst}")
    assert polls >= job.deadline_s / job.backoff.longest_s
    assert at_worst < MOST_WITHOUT_CALLBACK


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_a_machine_outlives_the_longest_wait_and_the_job_after_it(machine: Machine) -> None:
    definition = json.loads((DEFINITIONS / f"{machine.name}.asl.json").read_text())
    longest = LONGEST_WAIT + timedelta(seconds=max(job.deadline_s for job in JOBS)) + GRACE
    assert definition["TimeoutSeconds"] > longest.total_seconds()


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
def test_a_history_has_room_for_all_looks_with_all_their_retries(job: Job) -> None:
    attempts = 1 + OTHER_REPEATS + PROVIDER_REPEATS
    task = TASK_EVENTS + attempts * ATTEMPT_EVENTS
    wait = TASK_EVENTS + ATTEMPT_EVENTS + CHOICE_EVENTS  # and WaitForTimeout, which has as many as a Choice
    poll = wait + task + CHOICE_EVENTS
    around = task * (len(job.machine.begin) + 2)
    assert job.polls(awaiting_callback=False) * poll + around < LONGEST_HISTORY


@pytest.mark.parametrize("job", JOBS, ids=lambda job: job.name)
@pytest.mark.parametrize("awaiting_callback", [False, True])
def test_a_history_has_room_for_a_day_in_the_providers_queue(job: Job, awaiting_callback: bool) -> None:
    """The deadline runs from each step forward in it. WaitForTimeout comes in between each time."""
    poll = 2 * (TASK_EVENTS + ATTEMPT_EVENTS) + 2 * CHOICE_EVENTS
    around = (TASK_EVENTS + ATTEMPT_EVENTS) * (len(job.machine.begin) + 2)
    queued = replace(job, deadline_s=int(LONGEST_WAIT.total_seconds()) + job.deadline_s)
    assert queued.polls(awaiting_callback=awaiting_callback) * poll + around < LONGEST_HISTORY
