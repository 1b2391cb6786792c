"""Generations: create, quote, get and list."""

from collections.abc import Callable
from typing import Any

from character_identity.domain.budget import Fund, Quote
from character_identity.domain.errors import Conflict, ConflictCode, InvalidRequest
from character_identity.domain.generation import Generation, GenerationRequest
from character_identity.domain.identity import Identity
from character_identity.domain.ownership import owned
from character_identity.domain.page import Page, Window
from character_identity.ports.gateways import NewId, Now, Workflows
from character_identity.ports.providers import Provider, Providers
from character_identity.ports.stores import Generations, Identities
from character_identity.services.orders import OrderService, start_soon


class GenerationService:
    """What the API does with generations."""

    def __init__(
        self,
        generations: Generations,
        identities: Identities,
        providers: Providers,
        orders: OrderService,
        workflows: Workflows,
        now: Now,
        new_id: NewId,
        new_seed: Callable[[], int],
    ) -> None:
        self._generations = generations
        self._identities = identities
        self._providers = providers
        self._orders = orders
        self._workflows = workflows
        self._now = now
        self._new_id = new_id
        self._new_seed = new_seed

    def create(
        self,
        owner: str,
        identity_id: str,
        request: dict[str, Any],
        generation_id: str | None = None,
        fund: Fund | None = None,
    ) -> Generation:
        """Order pictures of a ready identity; ``request`` holds GenerationRequest's fields, a seed or none.

        The money is an evaluation's, where there is a ``fund``.

        Raises:
            NotFound: no such identity of this owner.
            Conflict: it is still training, or failed; or there is a generation of that id.
            InvalidRequest: the provider cannot draw that.
            BudgetExceeded: it costs more than is left of the owner's month, or of the operator's.
        """
        identity, provider, seeded = self._orderable(owner, identity_id, request)
        generation_id = generation_id or self._new_id()
        quote = self._orders.quote(owner, provider.images, seeded)
        job = self._orders.job("generation", owner, identity_id, generation_id, provider, quote, fund)
        plan = provider.images.plan(identity, seeded)
        generation = Generation(
            generation_id=generation_id,
            identity_id=identity_id,
            owner=owner,
            provider=identity.provider,
            character_name=identity.name,
            request=seeded,
            status="queued",
            created_at=self._now(),
            simulated=provider.simulated,
            prompt_used=plan.prompt,
            warnings=plan.warnings,
        )
        budget = quote.budget
        self._generations.add(generation, job, budget.limit_microusd, budget.operator_limit_microusd)
        start_soon(self._workflows, job)
        return generation

    def quote(self, owner: str, identity_id: str, request: dict[str, Any]) -> Quote:
        """Return what such an order would cost now. Raises as ``create``, except for the budget."""
        _, provider, seeded = self._orderable(owner, identity_id, request)
        return self._orders.quote(owner, provider.images, seeded)

    def list(self, owner: str, identity_id: str, window: Window) -> Page[Generation]:
        """A page of the generations of an identity of this owner, newest first."""
        self._own_identity(owner, identity_id)
        return self._generations.of_identity(identity_id, window)

    def get(self, owner: str, generation_id: str) -> Generation:
        """One generation of this owner; another's answers exactly like an unknown one."""
        return owned(owner, self._generations.get(generation_id), "generation", generation_id)

    def _orderable(
        self, owner: str, identity_id: str, request: dict[str, Any]
    ) -> tuple[Identity, Provider, GenerationRequest]:
        identity = self._own_identity(owner, identity_id)
        if identity.status != "ready":
            code: ConflictCode = "identity_failed" if identity.status == "failed" else "identity_not_ready"
            raise Conflict(f"The identity {identity_id!r} is {identity.status}, not ready.", code=code)
        provider = self._providers[identity.provider]
        seeded = GenerationRequest.model_validate({"seed": self._new_seed(), **request})
        if seeded.num_images > provider.images.max_images:
            raise InvalidRequest(
                f"{provider.name} draws at most {provider.images.max_images} pictures at a time.",
                code="too_many_images",
            )
        return identity, provider, seeded

    def _own_identity(self, owner: str, identity_id: str) -> Identity:
        return owned(owner, self._identities.get(identity_id), "identity", identity_id)
