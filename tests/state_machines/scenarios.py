"""Scenarios of the machines of jobs, and how each has to end: written out, not read from the files."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from tests.state_machines.history import GROUPS

Step = dict[str, Any]
Script = dict[str, list[Step]]

LONG_S = 1_000_000
"""A wait that only a wake-up ends; the machine itself is given up long before."""


@dataclass(frozen=True)
class Machine:
    """The names of a machine's states in the parts that both machines have."""

    name: str
    begin: tuple[str, ...]
    check: str
    store: str
    well: tuple[str, str, str]  # the record of the outcome, how it is judged, the good end
    cancelled_end: str
    parked_end: str
    bad_end: str
    pending: str
    done: str
    success: str

    @property
    def submit(self) -> str:
        return self.begin[-1]

    @property
    def record(self) -> str:
        return self.well[0]

    @property
    def ill(self) -> tuple[str, str, str]:
        """From the record to the bad end."""
        return *self.well[:2], self.bad_end

    @property
    def poll(self) -> tuple[str, str, str]:
        """From a wait for a callback to what the poll showed."""
        return "WaitForCallback", self.check, "Settled?"

    @property
    def tasks(self) -> tuple[str, ...]:
        """The tasks that go wrong when a provider or a function of ours does."""
        return *self.begin, self.check, self.store, self.record


TRAIN_IDENTITY = Machine(
    "train_identity",
    begin=("PrepareTraining", "SubmitTraining"),
    check="CheckTraining",
    store="StoreWeights",
    well=("RecordTraining", "Ready?", "IdentityReady"),
    cancelled_end="IdentityCancelled",
    parked_end="IdentityParked",
    bad_end="IdentityFailed",
    pending="training",
    done="trained",
    success="ready",
)
GENERATE_IMAGES = Machine(
    "generate_images",
    begin=("PrepareGeneration", "SubmitGeneration"),
    check="CheckGeneration",
    store="StoreImages",
    well=("RecordGeneration", "Succeeded?", "GenerationSucceeded"),
    cancelled_end="GenerationCancelled",
    parked_end="GenerationParked",
    bad_end="GenerationFailed",
    pending="running",
    done="generated",
    success="succeeded",
)
MACHINES = (TRAIN_IDENTITY, GENERATE_IMAGES)

RECORDED_FAILURE: Step = {"state": "failed", "error": {"code": "no_luck", "message": "It did not work."}}
NEVER_REPEATED = ("ProviderRejected", "ProviderNotConfigured", "InvalidRequest")
ANY_FAILURE = GROUPS["States.TaskFailed"]
PROVIDER_REPEATS, OTHER_REPEATS = 30, 20


@dataclass(frozen=True)
class Scenario:
    """A script for the tasks, and what must come of it.

    ``woken`` says that somebody else sends the task token back. An error whose ``cause`` is None has a cause
    that is not of interest here.
    """

    name: str
    machine: str
    script: Script
    path: tuple[str, ...]
    status: str = "SUCCEEDED"
    error: str | None = None
    cause: str | None = None
    calls: tuple[str, int] | None = None  # how often one function is called
    woken: bool = False


def _well(machine: Machine, parts: Script) -> Script:
    """Return the states that each task leads to when all goes well; done at the second poll."""
    return {
        **{task: [{}] for task in machine.begin},
        machine.submit: [{"state": machine.pending}],
        "WaitForCallback": [{}],
        machine.check: [{"state": machine.pending}, {"state": machine.done}],
        machine.store: [{"state": machine.success}],
        machine.record: [{"state": machine.success}],
        **parts,
    }


def _failed(
    name: str, machine: Machine, path: tuple[str, ...], parts: Script, error: str = "no_luck"
) -> Scenario:
    """A scenario with a bad end; a recorded one says the recorded reason."""
    script = _well(machine, {machine.record: [RECORDED_FAILURE], **parts})
    cause = RECORDED_FAILURE["error"]["message"] if error == "no_luck" else None
    return Scenario(name, machine.name, script, path, "FAILED", error, cause)


def _waits(machine: Machine) -> Iterator[Scenario]:
    """All ways to wait, and what a poll shows."""
    begin, poll, store, well = machine.begin, machine.poll, machine.store, machine.well
    done: Step = {"state": machine.done}
    at_once = {
        machine.submit: [{"state": machine.pending, "poll_seconds": LONG_S}],
        machine.check: [done],
    }

    def scenario(name: str, path: tuple[str, ...], parts: Script) -> Scenario:
        return Scenario(f"{machine.name}: {name}", machine.name, _well(machine, parts), path)

    found = (*begin, *poll, store, *well)
    yield scenario("done at the second poll", (*begin, *poll, *poll, store, *well), {})
    yield scenario("woken at once", found, {**at_once, "WaitForCallback": [{"wakes": True}]})
    by_another = scenario("woken by another", found, {**at_once, "WaitForCallback": [{"hands_out": True}]})
    yield replace(by_another, woken=True)
    yield scenario(
        "nobody can know how to wake it",
        (*begin, "WaitForCallback", "WaitForTimeout", *poll[1:], *poll, store, *well),
        {"WaitForCallback": [{"raises": "ConnectionError"}, {}]},
    )
    yield scenario(
        "was never submitted",
        (*begin, *poll, machine.submit, *poll, store, *well),
        {machine.check: [{"state": "unsubmitted"}, done]},
    )


def _ends(machine: Machine) -> Iterator[Scenario]:
    """All ways not to succeed but for errors of tasks."""
    begin, poll, store, ill = machine.begin, machine.poll, machine.store, machine.ill
    check, record = machine.check, machine.record
    failed: Step = {"state": "failed"}

    def scenario(name: str, path: tuple[str, ...], parts: Script, error: str = "no_luck") -> Scenario:
        return _failed(f"{machine.name}: {name}", machine, path, parts, error)

    yield scenario("the provider fails it", (*begin, *poll, *ill), {check: [failed]})
    yield scenario("nothing usable", (*begin, *poll, *poll, store, *ill), {store: [failed]})
    yield scenario(
        "a failure without a reason",
        (*begin, *poll, *ill),
        {check: [failed], record: [{**failed, "error": None}]},
        "States.Runtime",
    )
    no_time = {machine.submit: [{"poll_seconds": 0}]}
    cancelled = _well(machine, {check: [failed], record: [{**failed, "state": "cancelled"}]})
    path = (*begin, *poll, *ill[:-1], machine.cancelled_end)
    yield Scenario(f"{machine.name}: its owner ended it", machine.name, cancelled, path)
    parked = _well(machine, {store: [{"state": "parked"}], record: [{"state": "parked"}]})
    path = (*begin, *poll, *poll, store, *ill[:-1], machine.parked_end)
    yield Scenario(f"{machine.name}: it lies where it may not be fetched yet", machine.name, parked, path)
    yield scenario("no time to wait for", (*begin, "WaitForCallback"), no_time, "States.Runtime")
    too_large = {check: [{"grows": 300_000}]}
    yield scenario("too large a state", (*begin, *poll[:2]), too_large, "States.DataLimitExceeded")


def _never_ending(machine: Machine) -> Scenario:
    script = _well(machine, {machine.submit: [{"state": machine.pending, "poll_seconds": LONG_S}]})
    path = (*machine.begin, "WaitForCallback")
    return Scenario(f"{machine.name}: never ends", machine.name, script, path, "TIMED_OUT")


def _way_to(machine: Machine, task: str) -> tuple[str, ...]:
    """The states before a task is entered for the first time."""
    if task in machine.begin:
        return machine.begin[: machine.begin.index(task)]
    found = (*machine.begin, *machine.poll, *machine.poll)
    return {
        machine.check: (*machine.begin, "WaitForCallback"),
        machine.store: found,
        machine.record: (*found, machine.store),
    }[task]


def _recovering(machine: Machine, task: str, *errors: str) -> Scenario:
    """A task that fails like this, then no more."""
    script = _well(machine, {})
    script[task] = [*({"raises": error} for error in errors), *script[task]]
    path = (*machine.begin, *machine.poll, *machine.poll, machine.store, *machine.well)
    repeats = len(errors) // len(set(errors))
    names = ", ".join(dict.fromkeys(errors)) + (f", {repeats} times each" if repeats > 1 else "")
    name, calls = f"{task} recovers from {names}", (task, len(script[task]))
    return Scenario(name, machine.name, script, path, calls=calls)


def _ending(machine: Machine, task: str, name: str, errors: tuple[str, ...], repeats: int) -> Scenario:
    """A task that fails like this, with the last error for ever.

    It leads to the record, so that nothing stays in training for ever; where that fails, the machine does.
    """
    recorded = task != machine.record
    path = (*_way_to(machine, task), task, *(machine.ill if recorded else ()))
    steps: list[Step] = [{"raises": error} for error in errors]
    error = "no_luck" if recorded else errors[-1]
    scenario = _failed(f"{task} {name}", machine, path, {task: steps}, error)
    return replace(scenario, calls=(task, 1 + repeats))


def _failures(machine: Machine) -> Iterator[Scenario]:
    """All errors of tasks: those that pass, those that do not, those that are never repeated."""
    for task in machine.tasks:
        yield _recovering(machine, task, *ANY_FAILURE)
        yield _ending(machine, task, "gives up after other errors", ANY_FAILURE, OTHER_REPEATS)
        for error in NEVER_REPEATED:
            yield _ending(machine, task, f"ends in {error}", (error,), 0)
        if task != machine.record:
            down = "ProviderUnavailable"
            yield _recovering(machine, task, down)
            yield _ending(machine, task, f"gives up after {down}", (down,), PROVIDER_REPEATS)
    # Each entry counts its own errors only, whatever came between them.
    mixed = ("ProviderUnavailable", "KeyError") * OTHER_REPEATS
    yield _recovering(machine, machine.check, *mixed)
    too_many = (*mixed, "KeyError")
    yield _ending(machine, machine.check, "gives up after both", too_many, 2 * OTHER_REPEATS)
    yield _failing_at_each_poll(machine)


def _failing_at_each_poll(machine: Machine) -> Scenario:
    """Each poll has all its repeats."""
    failures: list[Step] = [{"raises": "KeyError"}] * OTHER_REPEATS
    steps: list[Step] = [*failures, {"state": machine.pending}, *failures, {"state": machine.done}]
    path = (*machine.begin, *machine.poll, *machine.poll, machine.store, *machine.well)
    name, script = f"{machine.check} fails at each poll", _well(machine, {machine.check: steps})
    return Scenario(name, machine.name, script, path, calls=(machine.check, len(steps)))


SCENARIOS = [
    _never_ending(GENERATE_IMAGES),  # it takes longest, and twice as long for the other machine
    *(each for part in (_waits, _ends, _failures) for machine in MACHINES for each in part(machine)),
]
