"""Mutants: the service without one of the guards that keep its invariants. Each must be caught."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from character_identity.domain.budget import Settlement
from character_identity.domain.event import Event
from character_identity.domain.generation import GeneratedImage, Generation
from character_identity.domain.identity import Identity
from character_identity.domain.job import Account, JobHandle, ProviderJob
from character_identity.services.idempotency import IdempotencyService
from character_identity.services.intakes import IntakeService
from character_identity.services.jobs.callbacks import CallbackService
from character_identity.services.jobs.generation import GenerationState, GenerationWorkflow
from character_identity.services.jobs.sweep import SweepService, Swept
from tests.histories.history import History
from tests.support.builders import NO_LIMIT
from tests.support.fakes import FakeGenerations, FakeIdentities, FakeLedger


class _IntentNotWritten(FakeLedger):
    def intend(self, job_id: str, at: datetime, deadline_at: datetime) -> bool:
        job = self.rows[job_id]
        return job.handle is None and job.state == "accepted"


class _IntentWithoutCondition(FakeLedger):
    def intend(self, job_id: str, at: datetime, deadline_at: datetime) -> bool:
        self.rows[job_id] = self.rows[job_id].model_copy(update={"state": "intended", "intended_at": at})
        return True


class _UnknownTakenForRefused(FakeLedger):
    def fail(self, job_id: str, state: Literal["rejected", "unknown"]) -> None:
        if state == "unknown":
            self.rows[job_id] = self.rows[job_id].model_copy(update={"state": "accepted"})
        else:
            super().fail(job_id, state)


class _HandleNotWritten(FakeLedger):
    def submitted(self, job_id: str, handle: JobHandle) -> None:
        self.rows[job_id] = self.rows[job_id].model_copy(update={"state": "accepted"})


class _BudgetNotAsked(FakeLedger):
    def accept(self, job: ProviderJob, limit_microusd: int, operator_limit_microusd: int) -> None:
        super().accept(job, limit_microusd * 100, NO_LIMIT)


class _MoneySettledTwice(FakeLedger):
    def get(self, job_id: str) -> ProviderJob | None:
        job = super().get(job_id)
        return job and job.model_copy(update={"money": "reserved"})

    def settle(self, job: ProviderJob, settlement: Settlement) -> bool:
        stored = self.rows[job.job_id]
        self.rows[job.job_id] = stored.model_copy(update={"money": "reserved"})
        return super().settle(job, settlement)


class _MoneyForgotten(FakeLedger):
    def settle(self, job: ProviderJob, settlement: Settlement) -> bool:
        return True


class _StoredBeforeTheMoney(FakeIdentities):
    def add(
        self,
        identity: Identity,
        event: Event | None = None,
        job: ProviderJob | None = None,
        limit_microusd: int = 0,
        operator_limit_microusd: int = 0,
    ) -> None:
        super().add(identity, event)
        if job is not None:
            self.ledger.accept(job, limit_microusd, NO_LIMIT)


class _SettledAgain(FakeIdentities):
    def settle(self, identity: Identity, event: Event) -> Identity:
        self.stored[identity.identity_id] = identity
        return identity


class _GenerationSettledAgain(FakeGenerations):
    def settle(self, generation: Generation, event: Event) -> Generation:
        self.stored[generation.generation_id] = generation
        return generation


class _TokenNotChecked(CallbackService):
    def receive(
        self,
        account: Account,
        job_id: str,
        callback_token: str,
        provider_job_id: str | None = None,
    ) -> None:
        job = self._ledger.get(job_id)
        if job is not None:
            super().receive(account, job_id, job.callback_token, provider_job_id)


class _AnyImageWillDo(GenerationWorkflow):
    def _judged(self, state: GenerationState, images: list[GeneratedImage]) -> GenerationState:
        return state.model_copy(update={"state": "succeeded"})


NOTHING = timedelta()


class _NobodySweeps(SweepService):
    def sweep(self, until: datetime, ahead: timedelta = NOTHING) -> Swept:
        return Swept(0, 0, timedelta())


class _KeyNotClaimed(IdempotencyService):
    def once(
        self,
        owner: str,
        key: str | None,
        request_digest: str,
        find: Callable[[str], Any],
        create: Callable[[str], Any],
    ) -> tuple[Any, bool]:
        return super().once(owner, None, request_digest, find, create)


class _NothingNoted(IntakeService):
    def begin(self, owner: str, subject_id: str) -> None:
        return


class _WeightsNotChecked(History):
    def check_weights(self, path: Path) -> None:
        return


def _with(**classes: type) -> type[History]:
    return type("Mutant", (History,), classes)


MUTANTS: dict[str, type[History]] = {
    "the intent is not written before the call": _with(ledger_class=_IntentNotWritten),
    "the intent is written without its condition": _with(ledger_class=_IntentWithoutCondition),
    "an unknown outcome counts as a refusal": _with(ledger_class=_UnknownTakenForRefused),
    "the provider's id is not written after the call": _with(ledger_class=_HandleNotWritten),
    "the budget's condition is left out": _with(ledger_class=_BudgetNotAsked),
    "a settlement has no condition": _with(ledger_class=_MoneySettledTwice),
    "a reservation is never settled": _with(ledger_class=_MoneyForgotten),
    "the order is stored before its money is there": _with(identities_class=_StoredBeforeTheMoney),
    "a training's outcome has no condition": _with(identities_class=_SettledAgain),
    "a generation's outcome has no condition": _with(generations_class=_GenerationSettledAgain),
    "a callback's token is not compared": _with(callback_service_class=_TokenNotChecked),
    "success is recorded without a stored image": _with(generation_class=_AnyImageWillDo),
    "weights are not verified": _WeightsNotChecked,
    "an order's pictures are not noted before they are stored": _with(intakes_class=_NothingNoted),
    "there is no sweep": _with(sweep_class=_NobodySweeps),
    "an idempotency key is not claimed": _with(idempotency_class=_KeyNotClaimed),
}
