"""Erased at any point of a training or a generation: whatever is under way, nothing is left."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from character_identity.aws.open_work import OpenWorkTable
from character_identity.aws.writes import ERASED
from character_identity.domain.erasure import LAST_PURGE
from character_identity.domain.identity import Identity
from tests.histories.history import History
from tests.support.in_process.executions import Crash
from tests.support.in_process.harness import KEYS, PROVIDERS_AT, Harness, harness

PROVIDERS = ("fal-lora", "astria", "fal-instant")
TRAINING = (
    "PrepareTraining",
    "SubmitTraining",
    "WaitForCallback",
    "CheckTraining",
    "StoreWeights",
    "RecordTraining",
)
GENERATING = (
    "PrepareGeneration",
    "SubmitGeneration",
    "WaitForCallback",
    "CheckGeneration",
    "StoreImages",
    "RecordGeneration",
)
MINUTE = timedelta(minutes=1)


class ErasedAt(History):
    """Before the ``number``-th call to a port, counted while ``armed``, somebody erases the identity."""

    def __init__(self, number: int) -> None:
        self.left, self.armed = number, False
        super().__init__()

    def _watched(self, port: Any, name: str) -> Any:
        watched = super()._watched(port, name)
        watched._through = self._through
        return watched

    def _through(self, what: str, call: Callable[[], Any]) -> Any:
        if self.armed and self.identities.stored:
            self.left -= 1
            if self.left == 0:
                self.armed = False
                (identity,) = self.identities.stored.values()
                self.erase_subject(identity)
        return self.faulty_transport.through(what, call)

    def erase_subject(self, identity: Identity) -> None:
        """What is to be gone then."""
        self.erase(identity)

    @property
    def was_erased(self) -> bool:
        return self.left <= 0

    def check_nothing_is_left(self) -> None:
        """After the last purge, of one erased identity."""
        while self.erasures.due:
            self.clock.time = max(self.clock(), min(self.erasures.due.values()))
            self.let_pass(MINUTE)
            self.sweep()
        (receipt,) = self.erasures.stored.values()
        assert self.clock() >= receipt.erased_at + LAST_PURGE
        assert (receipt.complete, receipt.unfinished) == (True, [])
        assert self.bucket.objects == {}
        assert (self.identities.stored, self.generations.stored) == ({}, {})
        assert self.trained_weights.known == {}
        self.check_providers()

    def check_providers(self) -> None:
        """All jobs have ended, and are deleted."""
        for job in self.ledger.rows.values():
            assert not job.open
            if job.handle is not None:
                assert job.handle.provider_job_id in self.providers[job.provider].erased
        assert all(budget.reserved_microusd == 0 for budget in self.ledger.budgets.values())


class GenerationErasedAt(ErasedAt):
    """The same, but of its generation only."""

    def erase_subject(self, identity: Identity) -> None:
        for generation in list(self.generations.stored.values()):
            try:
                self.erasure.erase_generation(generation.owner, generation.generation_id)
            except Crash:
                return

    def check_nothing_is_left(self) -> None:
        """After the last purge, of one erased generation; its identity is there."""
        while self.erasures.due:
            self.clock.time = max(self.clock(), min(self.erasures.due.values()))
            self.let_pass(MINUTE)
            self.sweep()
        (identity,) = self.identities.stored.values()
        (receipt,) = self.erasures.stored.values()
        assert (receipt.complete, receipt.unfinished) == (True, [])
        assert self.generations.stored == {}
        assert not [key for key in self.bucket.objects if key.startswith("generations/")]
        assert self.bucket.objects.keys() >= set(identity.references)
        self.ledger.rows = {each: job for each, job in self.ledger.rows.items() if job.kind == "generation"}
        self.check_providers()


def trained(number: int, provider: str) -> ErasedAt:
    """An identity that is erased while it trains."""
    history = ErasedAt(number)
    history.armed = True
    history.order_identity("ann", provider, "k1")
    history.run_to_the_end()
    return history


def generated(number: int, provider: str, kind: type[ErasedAt] = ErasedAt) -> ErasedAt:
    """One that is erased while it is generated."""
    history = kind(number)
    history.order_identity("ann", provider, "k1")
    history.run_to_the_end()
    (identity,) = history.identities.stored.values()
    history.armed = True
    history.order_images(identity, "k2")
    history.run_to_the_end()
    return history


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("make", [trained, generated])
def test_an_erasure_before_any_call_leaves_nothing(
    make: Callable[[int, str], ErasedAt], provider: str
) -> None:
    number = 1
    while (history := make(number, provider)).was_erased:
        history.check_nothing_is_left()
        number += 1
    assert number > (25 if make is generated or provider != "fal-instant" else 0)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_erasing_one_generation_before_any_call_leaves_nothing_of_it(provider: str) -> None:
    number = ordered = 1
    while (history := generated(number, provider, GenerationErasedAt)).was_erased:
        if history.erasures.stored:  # else it was erased before it was there
            history.check_nothing_is_left()
            ordered += 1
        number += 1
    assert ordered > 20


ORDERS: dict[str, tuple[str, dict[str, Any]]] = {
    "create_identity": ("/v1/identities", {"provider": "fal-lora"}),
    "create_evaluation": ("/v1/evaluations", {"scenarioSet": "specification"}),
}


@pytest.mark.parametrize("function", ORDERS)
def test_nothing_is_left_of_an_order_that_died_before_its_row(
    function: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, order = ORDERS[function]
    stored: list[str] = []

    def die(what: str, side: str) -> None:
        if what == "dynamodb TransactWriteItems":
            stored.extend(here.stored_keys())
            raise Crash(what)

    with harness(monkeypatch) as here:
        order = {"name": "Sarah", "className": "woman", "references": here.uploads(5), **order}
        here.faulty_transport.moment = die
        assert here.call(function, "POST", path, order).status == 500
        here.faulty_transport.moment = None
        assert len(stored) >= 5
        here.run()
        assert here.stored_keys() == []


class TestOnTheTables:
    """The same before each task of a machine, with the tables' real conditions and the simulators."""

    @pytest.mark.parametrize("task", [*TRAINING, "IdentityReady"])
    def test_of_a_training(self, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with harness(monkeypatch) as here:
            identity_id = self.create(here, "astria")
            self.run_until(here, identity_id, task)
            self.erase(here, identity_id)
            self.check_nothing_is_left(here, identity_id)
            with here.faulty_transport.unwatched():
                headers = {"Authorization": f"Bearer {KEYS['astria']}"}
                tunes = here.simulator.call("GET", f"{PROVIDERS_AT}/astria/tunes", headers=headers)
            assert tunes.json() == []

    @pytest.mark.parametrize("task", [*GENERATING, "GenerationSucceeded"])
    def test_of_a_generation(self, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
        with harness(monkeypatch) as here:
            identity_id = self.create(here, "fal-instant")
            path = f"/v1/identities/{identity_id}/generations"
            generation = here.call("create_generation", "POST", path, {"prompt": "Sarah"})
            self.run_until(here, generation.body["generationId"], task)
            self.erase(here, identity_id)
            self.check_nothing_is_left(here, identity_id)

    @pytest.mark.parametrize("task", [*GENERATING, "GenerationSucceeded"])
    def test_of_one_generation(self, task: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Its identity and another generation stay, as they were."""
        with harness(monkeypatch) as here:
            identity_id = self.create(here, "fal-instant")
            path = f"/v1/identities/{identity_id}/generations"
            first, second = (
                str(here.call("create_generation", "POST", path, {"prompt": prompt}).body["generationId"])
                for prompt in ("Sarah runs", "Sarah sleeps")
            )
            self.run_until(here, first, task)
            answer = here.call("erase_generation", "DELETE", f"/v1/generations/{first}")
            assert (answer.status, answer.body["generationId"]) == (200, first)
            here.run()
            while rows := OpenWorkTable(here.table).due(here.now() + timedelta(days=1), 9):
                here.simulator.let_pass(max((rows[0].due_at - here.now()).total_seconds(), 1))
                here.sweep()
            assert {key.split("/")[2] for key in here.stored_keys() if key.startswith("generations/")} == {
                second
            }
            under = [item for item in here.table.rows() if item["pk"] == f"GENERATION#{first}"]
            assert [(item["status"], item["complete"]) for item in under] == [(ERASED, True)]
            assert "Sarah runs" not in str(here.table.rows())
            again = here.call("erase_generation", "DELETE", f"/v1/generations/{first}")
            assert (again.status, again.body["complete"]) == (200, True)
            [listed] = here.call("list_generations", "GET", path).body["generations"]
            assert (listed["generationId"], listed["status"]) == (second, "succeeded")

    @staticmethod
    def create(here: Harness, provider: str) -> str:
        count = 4 if provider == "astria" else 1
        body = {"name": "Sarah", "provider": provider, "references": here.uploads(count)}
        answer = here.call("create_identity", "POST", "/v1/identities", body)
        return str(answer.body["characterId"])

    @staticmethod
    def run_until(here: Harness, name: str, task: str) -> None:
        """Let a machine run until a task of it is the next thing to be done."""
        execution = here.executions.by_name[name]
        while execution.at != task:
            assert execution.status == "RUNNING"
            for due in here.executions.due:
                here.executions.step(due)
            here.deliver()
            here.simulator.let_pass(1)

    @staticmethod
    def erase(here: Harness, identity_id: str) -> None:
        answer = here.call("erase_identity", "DELETE", f"/v1/identities/{identity_id}")
        assert (answer.status, answer.body["characterId"]) == (200, identity_id)

    @staticmethod
    def check_nothing_is_left(here: Harness, identity_id: str) -> None:
        here.run()
        while rows := OpenWorkTable(here.table).due(here.now() + timedelta(days=1), 9):
            here.simulator.let_pass(max((rows[0].due_at - here.now()).total_seconds(), 1))
            here.sweep()
        assert here.stored_keys() == []
        items = {(item["pk"], item["sk"]): item for item in here.table.rows()}
        left = {pk.partition("#")[0] for pk, _ in items}
        assert left <= {
            *("IDENTITY", "JOB", "EVENT", "BUDGET", "STORED", "REQUESTS", "PROVIDERJOB", "SLOTS", "OPERATOR")
        }
        assert [sk for pk, sk in items if pk.startswith("IDENTITY#")] == ["IDENTITY"]
        receipt = items[f"IDENTITY#{identity_id}", "IDENTITY"]
        assert (receipt["status"], receipt["complete"]) == (ERASED, True)
        assert "Sarah" not in str(items)
        assert all(item.get("money") != "reserved" for item in items.values())
        (budget,) = (item for (pk, _), item in items.items() if pk.startswith("BUDGET#"))
        assert budget["reserved"] == 0
