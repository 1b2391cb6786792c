"""The providers by name."""

from collections.abc import Callable, Mapping

from character_identity.domain.identity import ProviderName
from character_identity.ports.providers import Provider


class ProviderRegistry:
    """Builds each adapter on first use, so that a function pays only for what it calls."""

    def __init__(self, builders: Mapping[ProviderName, Callable[[], Provider]]) -> None:
        self._builders = {str(name): (name, build) for name, build in builders.items()}
        self._built: dict[str, Provider] = {}

    def __getitem__(self, name: str) -> Provider:
        if name not in self._built:
            self._built[name] = self._builders[name][1]()
        return self._built[name]

    def names(self) -> list[ProviderName]:
        """All provider names."""
        return [name for name, _ in self._builders.values()]
