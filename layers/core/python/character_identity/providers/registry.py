"""The providers by name."""

from collections.abc import Callable, Mapping
from typing import cast

from character_identity.domain.identity import ProviderName
from character_identity.ports.providers import Provider


class ProviderRegistry:
    """Builds each adapter on first use, so that a function pays only for what it calls."""

    def __init__(self, builders: Mapping[ProviderName, Callable[[], Provider]]) -> None:
        self._builders = builders
        self._built: dict[str, Provider] = {}

    def __getitem__(self, name: str) -> Provider:
        if name not in self._built:
            self._built[name] = self._builders[cast(ProviderName, name)]()
        return self._built[name]

    def names(self) -> list[ProviderName]:
        """All provider names."""
        return list(self._builders)
