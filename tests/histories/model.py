"""The rules of histories of the service, and the invariants, which hold in each of them."""

from datetime import timedelta
from itertools import product
from typing import Any

from character_identity.domain.identity import Identity
from character_identity.domain.job import ProviderJob
from tests.histories.history import OWNERS, History
from tests.histories.rules import Rules, rule

TRAINERS = ("fal-lora", "astria")
PROVIDERS = (*TRAINERS, "fal-instant")
MOODS = ("cut after", "cut before", "refuse", "busy")
WRITES = (
    ("ledger.intend",),
    ("training.submit",),
    ("generation.submit",),
    ("ledger.submitted",),
    ("bucket.write",),
    ("bucket.write_file",),
    ("identities.settle", "generations.settle"),
    ("ledger.settle",),
)
NO_WRITE: tuple[str, ...] = ()
FIRST_ORDERS = [*product(product(OWNERS, PROVIDERS), repeat=3)]
KEYS = [f"key{number}" for number in range(4)]
FOREIGN_TOKEN = "nobody's"


def identities(model: "Model") -> list[str]:
    return [*model.history.identities.stored]


def ready(model: "Model") -> list[str]:
    return [each.identity_id for each in model.history.identities.stored.values() if each.status == "ready"]


def jobs(model: "Model") -> list[str]:
    return [*model.history.ledger.rows]


def due(model: "Model") -> list[str]:
    return [execution.name for execution in model.history.executions.due]


def runs(model: "Model") -> list[str]:
    return [*model.history.executions.by_name]


class Model(Rules):
    """``history_class`` may be a mutant."""

    history_class = History

    def __init__(self) -> None:
        super().__init__()
        self.history = self.history_class()

    @rule(number=range(4), orders=FIRST_ORDERS, write=[*WRITES, *[NO_WRITE] * len(WRITES)])
    def begin(self, number: int, orders: tuple[tuple[str, str], ...], write: tuple[str, ...]) -> None:
        for index, (owner, provider) in enumerate(orders[:number]):
            self.history.order_identity(owner, provider, f"first {index}")
        for identity_id in ready(self):
            self.order_first(self.history.identities.stored[identity_id])
        self.history.dies_after = write

    def order_first(self, identity: Identity) -> None:
        """Order of an identity that is ready from the start."""
        self.history.order_images(identity, f"{identity.identity_id} first")

    # callers

    @rule(owner=OWNERS, provider=TRAINERS, key=KEYS)
    def order_a_training(self, owner: str, provider: str, key: str) -> None:
        self.history.order_identity(owner, provider, f"{provider} {key}")

    @rule(owner=OWNERS, key=KEYS)
    def make_an_instant_identity(self, owner: str, key: str) -> None:
        self.history.order_identity(owner, "fal-instant", f"instant {key}")

    @rule(identity_id=ready, key=KEYS)
    def order_images(self, identity_id: str, key: str) -> None:
        self.history.order_images(self.history.identities.stored[identity_id], f"{identity_id} {key}")

    @rule(identity_id=identities)
    def cancel(self, identity_id: str) -> None:
        self.history.cancel(self.history.identities.stored[identity_id])

    @rule(identity_id=identities)
    def erase(self, identity_id: str) -> None:
        self.history.erase(self.history.identities.stored[identity_id])

    # machines, time, the sweep

    @rule(steps=range(1, 9))
    def let_machines_work(self, steps: int) -> None:
        for _ in range(steps):
            due = self.history.executions.due
            if due:
                self.history.step(due[0])

    @rule(run=due)
    def let_one_machine_work(self, run: str) -> None:
        self.history.step(self.history.executions.by_name[run])

    @rule(run=due)
    def the_answer_of_a_task_is_lost(self, run: str) -> None:
        self.history.lose_an_answer(self.history.executions.by_name[run])

    @rule(minutes=range(1, 6))
    def let_all_go_on(self, minutes: int) -> None:
        self.history.let_pass(timedelta(minutes=minutes))

    @rule(seconds=[1, 30, 150, 700, 4000])
    def let_time_pass_and_nothing_happen(self, seconds: int) -> None:
        self.history.clock.pass_by(seconds=seconds)

    @rule()
    def sweep(self) -> None:
        self.history.sweep()

    # callbacks

    @rule(job_id=jobs, times=range(1, 4))
    def a_provider_calls_back(self, job_id: str, times: int) -> None:
        job = self.history.ledger.rows[job_id]
        for _ in range(times):
            self.history.call_back(job, job.callback_token, self._id_at_provider(job))

    @rule(job_id=jobs, token_of=jobs)
    def somebody_calls_back_with_another_token(self, job_id: str, token_of: str) -> None:
        job, other = (self.history.ledger.rows[each] for each in (job_id, token_of))
        token = FOREIGN_TOKEN if job_id == token_of else other.callback_token
        before = job.handle
        self.history.call_back(job, token, "somebody else's")
        assert self.history.ledger.rows[job_id].handle == before, "a forged callback was believed"

    # trouble

    @rule(provider=PROVIDERS, mood=MOODS)
    def a_submit_goes_wrong(self, provider: str, mood: Any) -> None:
        self.history.providers[provider].moods.append(mood)

    @rule(provider=PROVIDERS)
    def a_provider_goes_down_or_comes_back(self, provider: str) -> None:
        self.history.providers[provider].down = not self.history.providers[provider].down

    @rule(provider=PROVIDERS)
    def a_job_will_fail(self, provider: str) -> None:
        self.history.providers[provider].fails_next = True

    @rule()
    def links_die_or_recover(self) -> None:
        self.history.media.dead = not self.history.media.dead

    @rule()
    def links_lead_elsewhere_or_back(self) -> None:
        self.history.media.foreign = not self.history.media.foreign

    @rule()
    def orders_race_or_do_not(self) -> None:
        self.history.quotes.stale = not self.history.quotes.stale

    @rule(calls=range(1, 13), side=["before", "after"])
    def a_sandbox_will_die(self, calls: int, side: Any) -> None:
        self.history.faulty_transport.crash_at = len(self.history.faulty_transport.calls) + calls
        self.history.faulty_transport.side = side

    @rule(write=WRITES)
    def a_sandbox_will_die_after(self, write: tuple[str, ...]) -> None:
        self.history.dies_after = write

    @rule(run=runs)
    def a_run_is_lost(self, run: str) -> None:
        self.history.executions.kill(run)

    # what holds at any time, and at the end

    def check(self) -> None:
        self.history.check_money()
        self.history.check_paid_once()
        self.history.check_one_order_for_a_key()
        self.history.check_outcomes()
        self.history.check_bytes()

    def end(self) -> None:
        self.history.run_to_the_end()
        self.history.check_outcomes()
        self.history.check_paid_once()
        self.history.check_money()
        self.history.check_bytes()
        self.history.check_all_ended()

    def _id_at_provider(self, job: ProviderJob) -> str | None:
        """The id that the provider knows the job by, if it took it."""
        identity = self.history.identities.stored.get(job.identity_id)
        marks = {f"{identity.name} [{identity.identity_id}]"} if identity else set()
        generation = self.history.generations.stored.get(job.subject_id)
        if generation is not None:
            marks = {generation.request.prompt}
        taken = self.history.providers[job.provider].taken
        return next((each.provider_job_id for each in taken if each.mark in marks), None)
