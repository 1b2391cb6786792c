"""Cancels jobs at their providers, and keeps whether that was in time."""

import logging
from typing import Any

from character_identity.domain.errors import ProviderNotConfigured, ProviderRejected, ProviderUnavailable
from character_identity.domain.job import ProviderJob
from character_identity.ports.providers import Cancellation, PaidJobs
from character_identity.ports.stores import Ledger

logger = logging.getLogger(__name__)


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


def try_to_cancel(ledger: Ledger, jobs: PaidJobs[Any, Any, Any], job: ProviderJob) -> Cancellation | None:
    """Cancel like ``cancel``, but raise nothing: None means that the provider has not answered yet."""
    try:
        return cancel(ledger, jobs, job)
    except ProviderRejected as exc:
        logger.warning("the provider refused to stop the job", exc_info=exc)
        return "impossible"
    except (ProviderUnavailable, ProviderNotConfigured) as exc:
        logger.warning("the provider did not stop the job yet", exc_info=exc)
        return None
