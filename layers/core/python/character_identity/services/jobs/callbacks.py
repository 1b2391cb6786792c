"""Early wake-ups: a provider's callback ends a state machine's wait. What it says is never believed."""

import hmac

from character_identity.domain.errors import NotFound
from character_identity.domain.ids import ID
from character_identity.domain.job import Account
from character_identity.observability import add_log_keys, keys_of
from character_identity.ports.gateways import Workflows
from character_identity.ports.providers import Providers
from character_identity.ports.stores import Ledger


class CallbackService:
    """Brings together the machine that waits and the callback that may come before, after, often or never."""

    def __init__(self, ledger: Ledger, workflows: Workflows, providers: Providers) -> None:
        self._ledger = ledger
        self._workflows = workflows
        self._providers = providers

    def wait(self, job_id: str, wake_token: str) -> None:
        """A machine waits for a callback about a job; one that is pending already wakes it at once."""
        if not self._ledger.register_waiter(job_id, wake_token):
            self._workflows.wake(wake_token)

    def receive(
        self,
        account: Account,
        job_id: str,
        callback_token: str,
        provider_job_id: str | None = None,
    ) -> None:
        """An ``account`` called back about a job of its own: who waits for it shall ask the provider.

        ``provider_job_id`` counts only while the answer to our order is missing: it is then how to ask. That
        goes for an order that was proved not to be taken, too: who calls back has taken it.

        Raises:
            NotFound: there is no such job, or the token is not the job's.
        """
        is_sane = ID.fullmatch(job_id) and ID.fullmatch(callback_token)
        job = self._ledger.get(job_id) if is_sane else None
        # Each at its own address only: the one for Astria asks for no signature.
        if (
            job is None
            or not hmac.compare_digest(job.callback_token.encode(), callback_token.encode())
            or job.account != account
        ):
            raise NotFound("There is no such callback.", code="unknown_callback")
        add_log_keys(**keys_of(job))
        # Also of a job that is settled: what was erased meanwhile can then be deleted at the provider.
        if job.handle is None and provider_job_id is not None and job.state != "rejected":
            handle = self._providers[job.provider].jobs[job.kind].job_handle(provider_job_id)
            self._ledger.found(job_id, handle)
        self.tell(job_id)

    def tell(self, job_id: str) -> None:
        """Have somebody look at a job now; nothing happens if it is settled."""
        token = self._ledger.record_callback(job_id)
        if token is not None:
            self._workflows.wake(token)
