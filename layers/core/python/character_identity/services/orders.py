"""Orders: what a training or a generation will cost, and the job that it becomes."""

from datetime import timedelta

from character_identity.domain.budget import Budget, Quote, microusd, month_of
from character_identity.domain.errors import BudgetExceeded
from character_identity.domain.generation import GenerationRequest
from character_identity.domain.job import JobKind, ProviderJob, generation_job_id, training_job_id
from character_identity.ports.gateways import NewId, Now
from character_identity.ports.providers import Provider
from character_identity.ports.stores import Budgets


class OrderService:
    """Quotes orders and writes them up; it is the tables that accept them, money and all, or nothing."""

    def __init__(self, budgets: Budgets, now: Now, new_id: NewId) -> None:
        self._budgets = budgets
        self._now = now
        self._new_id = new_id

    def quote_training(self, owner: str, provider: Provider, steps: int) -> Quote:
        """What a training costs; nothing where the provider does not train."""
        if not provider.trains:
            return Quote(0, 0, self.budget(owner), {})
        estimate, ceiling = provider.training_estimate_usd(steps), provider.training_ceiling_usd(steps)
        return self._quote(owner, provider, "training", estimate, ceiling)

    def quote_generation(self, owner: str, provider: Provider, request: GenerationRequest) -> Quote:
        """What a generation costs."""
        estimate, ceiling = (
            provider.generation_estimate_usd(request),
            provider.generation_ceiling_usd(request),
        )
        return self._quote(owner, provider, "image", estimate, ceiling)

    def budget(self, owner: str, month: str | None = None) -> Budget:
        """A month of the owner's, as in ``2026-11``; the current one if none is named."""
        return self._budgets.of(owner, month or month_of(self._now()))

    def training(self, owner: str, identity_id: str, provider: Provider, quote: Quote) -> ProviderJob:
        """The job that trains an identity.

        Raises:
            BudgetExceeded: the money is not there.
        """
        job_id, deadline_s = training_job_id(identity_id), provider.training_deadline_s
        return self._job("training", job_id, owner, identity_id, identity_id, provider, quote, deadline_s)

    def generation(
        self, owner: str, identity_id: str, generation_id: str, provider: Provider, quote: Quote
    ) -> ProviderJob:
        """The job that makes the pictures of a generation.

        Raises:
            BudgetExceeded: the money is not there.
        """
        job_id, deadline_s = generation_job_id(generation_id), provider.generation_deadline_s
        return self._job("generation", job_id, owner, identity_id, generation_id, provider, quote, deadline_s)

    def _quote(
        self, owner: str, provider: Provider, what: str, estimate_usd: float | None, ceiling_usd: float
    ) -> Quote:
        estimate = None if estimate_usd is None else microusd(estimate_usd)
        reserved = max(microusd(ceiling_usd), estimate or 0)
        prices = {name: price for name, price in provider.prices.items() if name == what}
        return Quote(estimate, reserved, self.budget(owner), prices)

    def _job(
        self,
        kind: JobKind,
        job_id: str,
        owner: str,
        identity_id: str,
        subject_id: str,
        provider: Provider,
        quote: Quote,
        deadline_s: int,
    ) -> ProviderJob:
        # Told here without a write; when several orders race for the rest, the table's condition decides.
        if not quote.affordable:
            raise BudgetExceeded.for_order()
        now = self._now()
        return ProviderJob(
            job_id=job_id,
            kind=kind,
            owner=owner,
            identity_id=identity_id,
            subject_id=subject_id,
            provider=provider.name,
            accepted_at=now,
            deadline_at=now + timedelta(seconds=deadline_s),
            callback_token=self._new_id(),
            budget_month=quote.budget.month,
            reserved_microusd=quote.reserved_microusd,
            estimate_microusd=quote.estimate_microusd,
        )
