"""Identities: create, get, list."""

from collections.abc import Sequence

from character_identity.domain.errors import InvalidRequest, NotFound
from character_identity.domain.identity import DEFAULT_STEPS, Identity, ProviderName
from character_identity.ports import (
    Identities,
    NewId,
    Now,
    Provider,
    Providers,
    ReferenceChooser,
    Workflows,
)
from character_identity.services.references import ReferenceService, Source


class IdentityService:
    """What the API does with identities."""

    def __init__(
        self,
        identities: Identities,
        references: ReferenceService,
        chooser: ReferenceChooser,
        providers: Providers,
        workflows: Workflows,
        now: Now,
        new_id: NewId,
    ) -> None:
        self._identities = identities
        self._references = references
        self._chooser = chooser
        self._providers = providers
        self._workflows = workflows
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
    ) -> Identity:
        """Register a character; ready at once where the provider does not train, else training starts.

        Raises:
            InvalidRequest: the provider or a reference image is not usable; nothing was paid or stored.
        """
        adapter = provider_named(self._providers, provider)
        if main is not None and main not in sources:
            raise InvalidRequest("mainReference is not one of the references.", code="unknown_reference")
        identity_id = identity_id or self._new_id()
        keys = self._references.take_in(owner, identity_id, sources, adapter.references)
        now = self._now()
        identity = Identity(
            identity_id=identity_id,
            owner=owner,
            name=name,
            provider=adapter.name,
            class_name=class_name,
            references=keys,
            main_reference=None if adapter.trains else self._main_reference(keys, sources, main),
            status="training" if adapter.trains else "ready",
            phase="preparing" if adapter.trains else "ready",
            progress=0 if adapter.trains else 100,
            created_at=now,
            settled_at=None if adapter.trains else now,
            mock=adapter.mock,
            training_steps=steps,
            cost_usd=None if adapter.trains else 0.0,
        )
        self._identities.add(identity)
        if adapter.trains:
            self._workflows.train({"identity_id": identity_id, "state": "preparing"})
        return identity

    def _main_reference(self, keys: list[str], sources: Sequence[Source], main: Source | None) -> str:
        """The named one, or else the one nearest to the centre of the set, chosen now and for good."""
        if main is not None:
            return keys[list(sources).index(main)]
        if len(keys) == 1:
            return keys[0]
        return self._chooser.most_central(keys) or keys[0]

    def get(self, owner: str, identity_id: str) -> Identity:
        """One identity of this owner; another's answers exactly like an unknown one."""
        identity = self._identities.get(identity_id)
        if identity.owner != owner:
            raise NotFound(f"There is no identity {identity_id!r}.", code="unknown_identity")
        return identity

    def list(self, owner: str) -> list[Identity]:
        """All identities of this owner, newest first."""
        return self._identities.list(owner)


def provider_named(providers: Providers, name: str) -> Provider:
    """The adapter of that name.

    Raises:
        InvalidRequest: there is none.
    """
    names: list[ProviderName] = providers.names()
    if name not in names:
        raise InvalidRequest(f"{name!r} is not one of {', '.join(names)}.", code="unknown_provider")
    return providers[name]
