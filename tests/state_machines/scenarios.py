"""What happens to the two machines, and what has to come of it: written out, not read from the files."""

from dataclasses import dataclass
from typing import Any

Step = dict[str, Any]
Script = dict[str, list[Step]]

# What each task turns the state into when all goes well. The training is done at the second look.
WELL: dict[str, Script] = {
    "train_identity": {
        "PrepareTraining": [{}],
        "SubmitTraining": [{"state": "training"}],
        "CheckTraining": [{"state": "training"}, {"state": "trained"}],
        "StoreWeights": [{"state": "ready"}],
        "RecordTraining": [{"state": "ready"}],
    },
    "generate_images": {
        "SubmitGeneration": [{"state": "running"}],
        "CheckGeneration": [{"state": "running"}, {"state": "generated"}],
        "StoreImages": [{"state": "succeeded"}],
        "RecordGeneration": [{"state": "succeeded"}],
    },
}
RECORD = {"train_identity": "RecordTraining", "generate_images": "RecordGeneration"}
RECORDED_FAILURE: Step = {"state": "failed", "error": {"code": "no_luck", "message": "It did not work."}}

LOOK = ["WaitBeforeCheck", "CheckTraining", "Settled?"]
LOOK_AT_PICTURES = ["WaitBeforeCheck", "CheckGeneration", "Settled?"]
READY = ["RecordTraining", "Ready?", "IdentityReady"]
NOT_READY = ["RecordTraining", "Ready?", "IdentityFailed"]
DRAWN = ["RecordGeneration", "Succeeded?", "GenerationSucceeded"]
NOT_DRAWN = ["RecordGeneration", "Succeeded?", "GenerationFailed"]


@dataclass(frozen=True)
class Scenario:
    """A script for the puppet, and what must come of it."""

    name: str
    machine: str
    script: Script
    path: list[str] | None = None  # None: not of interest here
    error: str | None = None  # None: the execution succeeds
    calls: tuple[str, int] | None = None  # how often a function is called


def _changed(machine: str, **parts: list[Step]) -> Script:
    return {**WELL[machine], **parts}


def _failing(machine: str, **parts: list[Step]) -> Script:
    return _changed(machine, **{RECORD[machine]: [RECORDED_FAILURE], **parts})


PATHS = [
    Scenario(
        "a training succeeds",
        "train_identity",
        WELL["train_identity"],
        ["PrepareTraining", "SubmitTraining", *LOOK, *LOOK, "StoreWeights", *READY],
    ),
    Scenario(
        "the provider fails a training",
        "train_identity",
        _failing("train_identity", CheckTraining=[{"state": "failed"}]),
        ["PrepareTraining", "SubmitTraining", *LOOK, *NOT_READY],
        error="no_luck",
    ),
    Scenario(
        "pictures are generated",
        "generate_images",
        WELL["generate_images"],
        ["SubmitGeneration", *LOOK_AT_PICTURES, *LOOK_AT_PICTURES, "StoreImages", *DRAWN],
    ),
    Scenario(
        "the provider fails a generation",
        "generate_images",
        _failing("generate_images", CheckGeneration=[{"state": "failed"}]),
        ["SubmitGeneration", *LOOK_AT_PICTURES, *NOT_DRAWN],
        error="no_luck",
    ),
    Scenario(
        "no picture is usable",
        "generate_images",
        _failing("generate_images", StoreImages=[{"state": "failed"}]),
        ["SubmitGeneration", *LOOK_AT_PICTURES, *LOOK_AT_PICTURES, "StoreImages", *NOT_DRAWN],
        error="no_luck",
    ),
]

# Where an error that no retry helps leads: to the record, so that nothing stays in training for ever.
CAUGHT = {
    "train_identity": {
        "PrepareTraining": ["PrepareTraining", *NOT_READY],
        "SubmitTraining": ["PrepareTraining", "SubmitTraining", *NOT_READY],
        "CheckTraining": ["PrepareTraining", "SubmitTraining", *LOOK[:2], *NOT_READY],
        "StoreWeights": ["PrepareTraining", "SubmitTraining", *LOOK, *LOOK, "StoreWeights", *NOT_READY],
    },
    "generate_images": {
        "SubmitGeneration": ["SubmitGeneration", *NOT_DRAWN],
        "CheckGeneration": ["SubmitGeneration", *LOOK_AT_PICTURES[:2], *NOT_DRAWN],
        "StoreImages": ["SubmitGeneration", *LOOK_AT_PICTURES, *LOOK_AT_PICTURES, "StoreImages", *NOT_DRAWN],
    },
}
# The second may have been paid, so a person looks. The third is Lambda's name for a timeout: it would repeat.
NEVER_REPEATED = ["ProviderRejected", "ProviderOutcomeUnknown", "Sandbox.Timedout"]

LAMBDA = dict.fromkeys(
    [
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
    ],
    5,
)
PROVIDER = {"ProviderUnavailable": 4}
# How often each task is repeated after which error.
REPEATED: dict[str, dict[str, dict[str, int]]] = {
    "train_identity": {
        "PrepareTraining": PROVIDER | LAMBDA,
        "SubmitTraining": PROVIDER | LAMBDA,
        "CheckTraining": LAMBDA,
        "StoreWeights": PROVIDER | LAMBDA,
        "RecordTraining": LAMBDA,
    },
    "generate_images": {
        "SubmitGeneration": PROVIDER | LAMBDA,
        "CheckGeneration": LAMBDA,
        "StoreImages": PROVIDER | LAMBDA,
        "RecordGeneration": LAMBDA,
    },
}


def _recovers(machine: str, task: str, error: str) -> Scenario:
    well = WELL[machine][task]
    return Scenario(
        f"{task} recovers from {error}",
        machine,
        _changed(machine, **{task: [{"raises": error}, *well]}),
        calls=(task, 1 + len(well)),
    )


def _gives_up(machine: str, task: str, error: str, repeats: int) -> Scenario:
    return Scenario(
        f"{task} gives up after {error}",
        machine,
        _failing(machine, **{task: [{"raises": error}]}),
        error=error if task == RECORD[machine] else "no_luck",
        calls=(task, 1 + repeats),
    )


def _is_caught(machine: str, task: str, error: str, path: list[str]) -> Scenario:
    script = _failing(machine, **{task: [{"raises": error}]})
    return Scenario(f"{task} ends in {error}", machine, script, path, error="no_luck", calls=(task, 1))


SCENARIOS = [
    *PATHS,
    *(
        _is_caught(machine, task, error, path)
        for machine, tasks in CAUGHT.items()
        for task, path in tasks.items()
        for error in NEVER_REPEATED
    ),
    *(
        scenario
        for machine, tasks in REPEATED.items()
        for task, errors in tasks.items()
        for error, repeats in errors.items()
        for scenario in (
            _recovers(machine, task, error),
            _gives_up(machine, task, error, repeats),
        )
    ),
]
