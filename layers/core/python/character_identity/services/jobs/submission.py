"""Submit once: the rule by which every paid call is made."""

import math
from collections.abc import Callable
from datetime import datetime, timedelta

from character_identity.domain.errors import (
    InvalidRequest,
    NotFound,
    ProviderNotConfigured,
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.domain.job import JobHandle
from character_identity.ports.gateways import Now
from character_identity.ports.stores import Ledger


def submit_once(
    ledger: Ledger, job_id: str, submit: Callable[[], JobHandle], now: Now, *, deadline_at: datetime
) -> JobHandle:
    """Make a job's paid call at most once; if it was made before, return the handle that it got.

    The intent is written before the call and the handle right after it. An intent without a handle means that
    an earlier attempt died in between, or is still under way: nobody knows whether the provider accepted it,
    so the call is not made again. The intent starts the job's time, which ends at ``deadline_at``.

    Raises:
        ProviderUnavailable: nothing was accepted. The intent is withdrawn, and the call may be made again,
            though not before the time that the provider named.
        ProviderNotConfigured, InvalidRequest, NotFound: nothing was sent, for example as a reference is gone.
        ProviderRejected: the provider refused, now or before.
        ProviderOutcomeUnknown: the provider may have accepted it, now or before.
        LookupError: there is no such job.
    """
    job = ledger.get(job_id)
    if job is None:
        raise LookupError(f"There is no job {job_id}.")
    if job.not_before is not None and now() < job.not_before:
        raise ProviderUnavailable(
            job.provider,
            "asked for time",
            retry_after_s=math.ceil((job.not_before - now()).total_seconds()),
        )
    intended_at = now()
    if not ledger.intend(job_id, intended_at, deadline_at):
        job = ledger.get(job_id) or job
        if job.handle is not None:
            return job.handle
        if job.state == "rejected":
            raise ProviderRejected(job.provider, f"refused the {job.kind} before")
        raise ProviderOutcomeUnknown(job.provider, f"an earlier attempt at this {job.kind} got no answer")
    try:
        handle = submit()
    except ProviderUnavailable as exc:
        pause = timedelta(seconds=exc.retry_after_s) if exc.retry_after_s else None
        ledger.withdraw(job_id, intended_at, now() + pause if pause else None)
        raise
    except (ProviderNotConfigured, InvalidRequest, NotFound):
        ledger.withdraw(job_id, intended_at, None)
        raise
    except ProviderRejected:
        ledger.fail(job_id, "rejected")
        raise
    except ProviderOutcomeUnknown:
        ledger.fail(job_id, "unknown")
        raise
    ledger.submitted(job_id, handle)
    return handle
