"""Pay once: the rule by which every paid call is made."""

from collections.abc import Callable

from character_identity.domain.errors import (
    InvalidRequest,
    ProviderNotConfigured,
    ProviderOutcomeUnknown,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.domain.job import JobHandle, ProviderJob
from character_identity.ports import Ledger


def submit_once(ledger: Ledger, job: ProviderJob, submit: Callable[[], JobHandle]) -> JobHandle:
    """Make a paid call at most once for ``job.job_id``; a repeated call answers with the first one's handle.

    The intent is written before the call and the handle right after it. An intent without a handle means that
    an earlier attempt died in between: whether the provider accepted it is unknown, so it is not made again.

    Raises:
        ProviderUnavailable, ProviderNotConfigured, InvalidRequest: nothing was accepted; the intent is taken
            back and the call may be made again.
        ProviderRejected: the provider refused, now or before.
        ProviderOutcomeUnknown: the provider may have accepted it, now or before.
    """
    earlier = ledger.intend(job)
    if earlier is not None:
        if earlier.handle is not None:
            return earlier.handle
        if earlier.state == "rejected":
            raise ProviderRejected(job.provider, f"refused the {job.kind} before")
        raise ProviderOutcomeUnknown(
            job.provider, f"an earlier attempt at this {job.kind} ended without an answer"
        )
    try:
        handle = submit()
    except (ProviderUnavailable, ProviderNotConfigured, InvalidRequest):
        ledger.forget(job.job_id)
        raise
    except ProviderRejected:
        ledger.close(job.job_id, "rejected")
        raise
    except ProviderOutcomeUnknown:
        ledger.close(job.job_id, "unknown")
        raise
    ledger.submitted(job.job_id, handle)
    return handle
