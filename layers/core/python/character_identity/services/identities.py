"""Identities: create, get, list, rename, cancel."""

from collections.abc import Sequence

from character_identity.domain.budget import Fund, Quote
from character_identity.domain.errors import InvalidRequest
from character_identity.domain.event import Event
from character_identity.domain.failure import Failure
from character_identity.domain.identity import DEFAULT_STEPS, Identity, ProviderName
from character_identity.domain.job import job_id_of
from character_identity.domain.ownership import owned
from character_identity.domain.page import Page, Window
from character_identity.ports.gateways import NewId, Now, Workflows
from character_identity.ports.providers import Provider, Providers
from character_identity.ports.stores import Identities
from character_identity.services.best_effort import left_to_the_sweep
from character_identity.services.jobs.callbacks import CallbackService
from character_identity.services.orders import OrderService, start_soon
from character_identity.services.references import ReferenceService, Source
from character_identity.services.webhooks.events import EventService


class IdentityService:
    """What the API does with identities."""

    def __init__(
        self,
        identities: Identities,
        references: ReferenceService,
        providers: Providers,
        orders: OrderService,
        workflows: Workflows,
        events: EventService,
        callbacks: CallbackService,
        now: Now,
        new_id: NewId,
    ) -> None:
        self._identities = identities
        self._references = references
        self._providers = providers
        self._orders = orders
        self._workflows = workflows
        self._events = events
        self._callbacks = callbacks
        self._now = now
        self._new_id = new_id

    def create(
        self,
        owner: str,
        name: str,
        provider: str,
        sources: Sequence[Source],
        class_name: str,
        *,
        steps: int = DEFAULT_STEPS,
        main: Source | None = None,
        identity_id: str | None = None,
        fund: Fund | None = None,
    ) -> Identity:
        """Register a character; ready at once where the provider does not train, else training starts.

        The money is an evaluation's, where there is a ``fund``.

        Raises:
            InvalidRequest: the provider or a reference image is not usable; nothing was paid or stored.
            BudgetExceeded: the training costs more than is left of the owner's month, or the operator's.
            Conflict: there is an identity of that id.
            TooManyIdentities: the owner has as many as one may have.
        """
        adapter = provider_named(self._providers, provider)
        if main is not None and main not in sources:
            raise InvalidRequest("mainReference is not one of the references.", code="unknown_reference")
        identity_id = identity_id or self._new_id()
        order = None
        if adapter.training is not None:  # before the references, as money is checked more quickly
            quote = self._orders.quote(owner, adapter.training, steps)
            job = self._orders.job("training", owner, identity_id, identity_id, adapter, quote, fund)
            order = job, quote.budget
        taken = self._references.take_in(owner, identity_id, sources, adapter.references)
        chosen = taken.medoid or 0 if main is None else list(sources).index(main)
        now = self._now()
        identity = Identity(
            identity_id=identity_id,
            owner=owner,
            name=name,
            provider=adapter.name,
            class_name=class_name,
            references=taken.keys,
            reference_sha256s=taken.sha256s,
            findings=taken.findings,
            status="training",
            phase="preparing",
            created_at=now,
            mock=adapter.mock,
            simulated=adapter.simulated,
            training_steps=steps,
        )
        if order is None:
            ready = identity.replace(
                main_reference=taken.keys[chosen],
                status="ready",
                phase="ready",
                progress=100,
                settled_at=now,
                took_ms=0,
                cost_usd=0.0,
            )
            event = Event.of_identity(ready)
            self._identities.add(ready, event)
            self._events.publish_soon(event.event_id)
            return ready
        job, budget = order
        self._identities.add(identity, None, job, budget.limit_microusd, budget.operator_limit_microusd)
        start_soon(self._workflows, job)
        return identity

    def quote(self, owner: str, provider: str) -> Quote:
        """Return what creating such an identity would cost now.

        Raises:
            InvalidRequest: there is no such provider.
        """
        adapter = provider_named(self._providers, provider)
        return self._orders.quote(owner, adapter.training, DEFAULT_STEPS)

    def cancel(self, owner: str, identity_id: str) -> Identity:
        """Give a training up, unless it is settled. Its machine is woken, and stops it at the provider."""
        identity = self.get(owner, identity_id)
        if identity.status == "training":
            error = Failure(code="cancelled", message="The training was cancelled.")
            cancelled = identity.replace(status="failed", phase="failed", settled_at=self._now(), error=error)
            event = Event.of_identity(cancelled)
            identity = self._identities.settle(cancelled, event)
            with left_to_the_sweep("a machine that is to stop"):
                self._callbacks.tell(job_id_of("training", identity_id))
            self._events.publish_soon(event.event_id)
        return identity

    def rename(self, owner: str, identity_id: str, name: str) -> Identity:
        """Give a character another name from now on; what was trained and ordered before stays as it is.

        Raises:
            NotFound: this owner has no such identity.
        """
        renamed = self.get(owner, identity_id).renamed(name)
        self._identities.rename(renamed)
        return self.get(owner, identity_id)

    def get(self, owner: str, identity_id: str) -> Identity:
        """Return an identity of this owner; another's answers exactly like an unknown one."""
        return owned(owner, self._identities.get(identity_id), "identity", identity_id)

    def list(self, owner: str, window: Window) -> Page[Identity]:
        """Return a page of the identities of this owner, newest first."""
        return self._identities.list(owner, window)


def provider_named(providers: Providers, name: str) -> Provider:
    """Return the provider with that name.

    Raises:
        InvalidRequest: there is none.
    """
    names: list[ProviderName] = providers.names()
    if name not in names:
        raise InvalidRequest(f"{name!r} is not one of {', '.join(names)}.", code="unknown_provider")
    return providers[name]
