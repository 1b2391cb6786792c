"""Rules by which hypothesis writes histories of the service, and what must hold in each of them."""

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from character_identity.domain.identity import Identity
from character_identity.domain.job import ProviderJob
from tests.histories.history import OWNERS, History

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
KEYS = st.sampled_from([f"key{number}" for number in range(4)])
FOREIGN_TOKEN = "nobody's"


class Model(RuleBasedStateMachine):
    """``history_class`` may be a mutant."""

    history_class = History

    @initialize(
        orders=st.lists(st.tuples(st.sampled_from(OWNERS), st.sampled_from(PROVIDERS)), max_size=3),
        write=st.just(()) | st.sampled_from(WRITES),
    )
    def begin(self, orders: list[tuple[str, str]], write: tuple[str, ...]) -> None:
        self.history = self.history_class()
        for number, (owner, provider) in enumerate(orders):
            self.history.order_identity(owner, provider, f"first {number}")
        for identity in self._ready():
            self.order_first(identity)
        self.history.dies_after = write

    def order_first(self, identity: Identity) -> None:
        """Order of an identity that is ready from the start."""
        self.history.order_images(identity, f"{identity.identity_id} first")

    # callers

    @rule(owner=st.sampled_from(OWNERS), provider=st.sampled_from(TRAINERS), key=KEYS)
    def order_a_training(self, owner: str, provider: str, key: str) -> None:
        self.history.order_identity(owner, provider, f"{provider} {key}")

    @rule(owner=st.sampled_from(OWNERS), key=KEYS)
    def make_an_instant_identity(self, owner: str, key: str) -> None:
        self.history.order_identity(owner, "fal-instant", f"instant {key}")

    @precondition(lambda self: self._ready())
    @rule(data=st.data(), key=KEYS)
    def order_images(self, data: st.DataObject, key: str) -> None:
        identity = data.draw(st.sampled_from(self._ready()), "of")
        self.history.order_images(identity, f"{identity.identity_id} {key}")

    @precondition(lambda self: self.history.identities.stored)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        self.history.cancel(data.draw(st.sampled_from(self._identities()), "what"))

    @precondition(lambda self: self.history.identities.stored)
    @rule(data=st.data())
    def erase(self, data: st.DataObject) -> None:
        self.history.erase(data.draw(st.sampled_from(self._identities()), "what"))

    # machines, time, the sweep

    @rule(steps=st.integers(1, 8))
    def let_machines_work(self, steps: int) -> None:
        for _ in range(steps):
            due = self.history.executions.due
            if due:
                self.history.step(due[0])

    @rule(data=st.data())
    def let_one_machine_work(self, data: st.DataObject) -> None:
        due = self.history.executions.due
        if due:
            self.history.step(due[data.draw(st.integers(0, len(due) - 1), "which")])

    @rule(data=st.data())
    def the_answer_of_a_task_is_lost(self, data: st.DataObject) -> None:
        due = self.history.executions.due
        if due:
            self.history.lose_an_answer(due[data.draw(st.integers(0, len(due) - 1), "whose")])

    @rule(minutes=st.integers(1, 5))
    def let_all_go_on(self, minutes: int) -> None:
        self.history.let_pass(timedelta(minutes=minutes))

    @rule(seconds=st.sampled_from([1, 30, 150, 700, 4000]))
    def let_time_pass_and_nothing_happen(self, seconds: int) -> None:
        self.history.clock.pass_by(seconds=seconds)

    @rule()
    def sweep(self) -> None:
        self.history.sweep()

    # callbacks

    @precondition(lambda self: self.history.ledger.rows)
    @rule(data=st.data(), times=st.integers(1, 3))
    def a_provider_calls_back(self, data: st.DataObject, times: int) -> None:
        job = data.draw(st.sampled_from(self._jobs()), "about")
        for _ in range(times):
            self.history.call_back(job, job.callback_token, self._id_at_provider(job))

    @precondition(lambda self: self.history.ledger.rows)
    @rule(data=st.data())
    def somebody_calls_back_with_another_token(self, data: st.DataObject) -> None:
        job, other = (data.draw(st.sampled_from(self._jobs()), what) for what in ("about", "token of"))
        token = FOREIGN_TOKEN if job.job_id == other.job_id else other.callback_token
        before = job.handle
        self.history.call_back(job, token, "somebody else's")
        assert self.history.ledger.rows[job.job_id].handle == before, "a forged callback was believed"

    # trouble

    @rule(provider=st.sampled_from(PROVIDERS), mood=st.sampled_from(MOODS))
    def a_submit_goes_wrong(self, provider: str, mood: Any) -> None:
        self.history.providers[provider].moods.append(mood)

    @rule(provider=st.sampled_from(PROVIDERS))
    def a_provider_goes_down_or_comes_back(self, provider: str) -> None:
        self.history.providers[provider].down = not self.history.providers[provider].down

    @rule(provider=st.sampled_from(PROVIDERS))
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

    @rule(calls=st.integers(1, 12), side=st.sampled_from(["before", "after"]))
    def a_sandbox_will_die(self, calls: int, side: Any) -> None:
        self.history.faulty_transport.crash_at = len(self.history.faulty_transport.calls) + calls
        self.history.faulty_transport.side = side

    @rule(write=st.sampled_from(WRITES))
    def a_sandbox_will_die_after(self, write: tuple[str, ...]) -> None:
        self.history.dies_after = write

    @rule(data=st.data())
    def a_run_is_lost(self, data: st.DataObject) -> None:
        names = sorted(self.history.executions.by_name)
        if names:
            self.history.executions.kill(data.draw(st.sampled_from(names), "which"))

    # what holds at any time, and at the end

    @invariant()
    def what_holds_at_any_time(self) -> None:
        """One function for all: hypothesis takes longer to call each than most take."""
        self.history.check_money()
        self.history.check_paid_once()
        self.history.check_one_order_for_a_key()
        self.history.check_outcomes()
        self.history.check_bytes()

    def teardown(self) -> None:
        if not hasattr(self, "history"):
            return
        self.history.run_to_the_end()
        self.history.check_outcomes()
        self.history.check_paid_once()
        self.history.check_money()
        self.history.check_bytes()
        self.history.check_all_ended()

    def _identities(self) -> list[Identity]:
        return list(self.history.identities.stored.values())

    def _ready(self) -> list[Identity]:
        return [identity for identity in self._identities() if identity.status == "ready"]

    def _jobs(self) -> list[ProviderJob]:
        return list(self.history.ledger.rows.values())

    def _id_at_provider(self, job: ProviderJob) -> str | None:
        """The id that the provider knows the job by, if it took it."""
        identity = self.history.identities.stored.get(job.identity_id)
        marks = {f"{identity.name} [{identity.identity_id}]"} if identity else set()
        generation = self.history.generations.stored.get(job.subject_id)
        if generation is not None:
            marks = {generation.request.prompt}
        taken = self.history.providers[job.provider].taken
        return next((each.provider_job_id for each in taken if each.mark in marks), None)
