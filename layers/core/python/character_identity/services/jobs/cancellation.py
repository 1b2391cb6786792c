"""Cancels jobs at their providers, and keeps whether that was in time."""

from typing import Any

from character_identity.domain.job import ProviderJob
from character_identity.ports.providers import Cancellation, PaidJobs
from character_identity.ports.stores import Ledger


def cancel(ledger: Ledger, jobs: PaidJobs[Any, Any, Any], job: ProviderJob) -> Cancellation:
    """Ask the provider to stop a job that it may have; one that it had not begun costs nothing then.

    Raises:
        ProviderUnavailable, ProviderNotConfigured: there was no answer; the same call may work later.
        ProviderRejected: the provider refused.
    """
    if job.handle is None:
        return "impossible"
    cancelled = jobs.cancel(job.handle)
    if cancelled == "dropped":
        ledger.drop(job.job_id)
    return cancelled
