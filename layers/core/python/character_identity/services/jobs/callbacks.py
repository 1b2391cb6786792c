"""Callbacks: a provider's call ends a state machine's wait early. What it says is never believed."""

import hmac

from character_identity.domain.errors import NotFound
from character_identity.domain.ids import ID
from character_identity.domain.job import Account
from character_identity.observability import add_log_keys, keys_of
from character_identity.ports.gateways import Workflows
from character_identity.ports.providers import Providers
from character_identity.ports.stores import Ledger


class CallbackService:
    """Matches waiting machines with callbacks, which may come early, late, several times or never."""

    def __init__(self, ledger: Ledger, workflows: Workflows, providers: Providers) -> None:
        self._ledger = ledger
        self._workflows = workflows
        self._providers = providers

    def wait(self, job_id: str, wake_token: str) -> None:
        """Have a machine wait for a callback about a job; if one is pending already, wake it at once."""
        if not self._ledger.register_waiter(job_id, wake_token):
            self._workflows.wake(wake_token)

    def receive(
        self,
        account: Account,
        job_id: str,
        callback_token: str,
        provider_job_id: str | None = None,
    ) -> None:
        """Take a callback of ``account`` about one of its jobs: wake its machine, which asks the provider.

        ``provider_job_id`` is used only if we do not know the job's id, as the answer to our order was lost.
        That includes an order thought not to be accepted: whoever calls back has accepted it.

        Raises:
            NotFound: there is no such job, or the token is not the job's.
        """
        is_sane = ID.fullmatch(job_id) and ID.fullmatch(callback_token)
        job = self._ledger.get(job_id) if is_sane else None
        # Each account has its own address, and the one for Astria checks no signature.
        if (
            job is None
            or not hmac.compare_digest(job.callback_token.encode(), callback_token.encode())
            or job.account != account
        ):
            raise NotFound("There is no such callback.", code="unknown_callback")
        add_log_keys(**keys_of(job))
        # Even if the job is settled: what was erased meanwhile can then be deleted at the provider.
        if job.handle is None and provider_job_id is not None and job.state != "rejected":
            handle = self._providers[job.provider].jobs[job.kind].job_handle(provider_job_id)
            self._ledger.found(job_id, handle)
        self.tell(job_id)

    def tell(self, job_id: str) -> None:
        """Wake whoever waits for a job; nothing happens if it is settled."""
        token = self._ledger.record_callback(job_id)
        if token is not None:
            self._workflows.wake(token)
