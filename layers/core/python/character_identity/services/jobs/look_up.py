"""Look-up: the answer to a paid call was lost, so which of the provider's jobs is it?"""

from character_identity.domain.errors import ProviderUnavailable
from character_identity.domain.job import JobHandle, ProviderJob
from character_identity.ports.providers import Found
from character_identity.ports.stores import Ledger


def identify(ledger: Ledger, job: ProviderJob, found: Found, *, is_listed: bool) -> JobHandle | None:
    """Return which of the jobs that were found at the provider is ours; None if none is.

    A job that does not show what was ordered is ours if it is nobody else's and no other order lacks an
    answer. That is certain only once ``is_listed``: ours would be listed by now.

    Raises:
        ProviderUnavailable: nobody can tell yet.
    """
    for handle in found.certain:
        if ledger.found(job.job_id, handle):
            return handle
    if not is_listed:
        return None
    free = [
        handle
        for handle in found.possible
        if ledger.holder_of(job.kind, handle.provider_job_id) in {None, job.job_id}
    ]
    if len(free) == 1 and ledger.unanswered(job.kind, job.provider) == [job.job_id]:
        if ledger.found(job.job_id, free[0]):
            return free[0]
    elif not free and found.is_whole:
        return None
    raise ProviderUnavailable(job.provider, f"does not tell whether one of its jobs is this {job.kind}")
