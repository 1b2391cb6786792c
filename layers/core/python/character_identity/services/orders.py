"""Orders: quote a paid job, write it up and start it."""

from typing import Any, TypeVar

from character_identity.domain.budget import Budget, Fund, Quote, microusd, month_of
from character_identity.domain.errors import BudgetExceeded
from character_identity.domain.job import LONGEST_WAIT, JobKind, ProviderJob, job_id_of
from character_identity.observability import add_log_keys, keys_of, origin
from character_identity.ports.gateways import NewId, Now, Workflows
from character_identity.ports.providers import PaidJobs, Provider
from character_identity.ports.stores import Budgets
from character_identity.services.best_effort import left_to_the_sweep

Request = TypeVar("Request")


def start_soon(workflows: Workflows, job: ProviderJob) -> None:
    """Start the machine of an accepted order; if that fails, the sweep does it.

    The order stands and will be paid, so an error now would only make the caller order again.
    """
    with left_to_the_sweep("the job"):
        workflows.start(job)


class OrderService:
    """Quotes orders and writes them up. The tables then accept an order with its money, or nothing."""

    def __init__(self, budgets: Budgets, now: Now, new_id: NewId) -> None:
        self._budgets = budgets
        self._now = now
        self._new_id = new_id

    def quote(self, owner: str, jobs: PaidJobs[Request, Any, Any] | None, request: Request) -> Quote:
        """Return what a job costs: nothing if the provider has no jobs of its kind."""
        if jobs is None:
            return Quote(0, 0, self.budget(owner), {})
        estimate = jobs.estimate(request)
        expected = None if estimate.expected_usd is None else microusd(estimate.expected_usd)
        reserved = max(microusd(estimate.ceiling_usd), expected or 0)
        return Quote(expected, reserved, self.budget(owner), jobs.prices)

    def budget(self, owner: str, month: str | None = None) -> Budget:
        """Return the owner's budget for a month, as in ``2026-11``, or for the current one."""
        return self._budgets.of(owner, month or month_of(self._now()))

    def job(
        self,
        kind: JobKind,
        owner: str,
        identity_id: str,
        subject_id: str,
        provider: Provider | None,
        quote: Quote,
        fund: Fund | None = None,
    ) -> ProviderJob:
        """Return the job for a training or a generation of an identity, or for an evaluation.

        With a ``fund`` it is paid from there, and gets a slot after the jobs that somebody waits for.

        Raises:
            BudgetExceeded: the money is not there.
        """
        # This needs no write; when several orders race for the rest, the table's condition decides.
        if fund is None and not quote.affordable:
            raise BudgetExceeded.for_order()
        now = self._now()
        job = ProviderJob(
            job_id=job_id_of(kind, subject_id),
            kind=kind,
            owner=owner,
            identity_id=identity_id,
            subject_id=subject_id,
            provider="" if provider is None else provider.name,
            correlation_id=origin().get("correlation_id", ""),
            evaluation_id=None if fund is None else fund.evaluation_id,
            priority="interactive" if fund is None else "batch",
            accepted_at=now,
            deadline_at=now + LONGEST_WAIT,
            callback_token=self._new_id(),
            budget_month=quote.budget.month if fund is None else fund.month,
            reserved_microusd=quote.reserved_microusd,
            estimate_microusd=quote.estimate_microusd,
        )
        add_log_keys(**keys_of(job))
        return job
