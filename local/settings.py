"""The providers of a local run: those that the environment names, simulators for all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

REGION = "eu-west-1"
# environment variable: (parameter of the stack, path of the simulator)
URLS = {
    "FAL_QUEUE_URL": ("FalQueueUrl", "/fal/queue"),
    "FAL_REST_URL": ("FalRestUrl", "/fal/rest"),
    "FAL_PLATFORM_URL": ("FalPlatformUrl", "/fal/platform"),
    "ASTRIA_API_URL": ("AstriaApiUrl", "/astria"),
}
SIMULATOR_KEYS = {"FAL_KEY": "simulator-id:simulator-secret", "ASTRIA_API_KEY": "sd_simulator"}
SIMULATOR_ADMIN_KEY = "simulator-admin:simulator-secret"
NO_KEY = "not configured"
KEYS = {"FAL_KEY": "--fal-key", "ASTRIA_API_KEY": "--astria-key"}
KEY_OF = {name: "FAL_KEY" if name.startswith("FAL") else "ASTRIA_API_KEY" for name in URLS}
VARIABLES = frozenset([*URLS, *KEYS, "FAL_ADMIN_KEY", "MEDIA_HOSTS", "ASTRIA_MOCK"])
"""All that is read of the environment."""
MEDIA_HOST = "media.localhost"
"""Where simulators serve what they make: as with the real ones, not where their APIs are."""
LOOPBACK = ("127.0.0.1", "localhost", "::1", MEDIA_HOST)


@dataclass(frozen=True)
class ProviderSettings:
    """The environment's settings of the providers; none of them is required.

    A URL that is given is used. Where none is given, a provider whose key is given is the real one, at the
    address that the template names; without either its simulator serves.
    """

    environment: Mapping[str, str]

    @property
    def simulators_needed(self) -> bool:
        """True if a simulator serves at some address."""
        return any(self._served_by_simulator(name) for name in URLS)

    @property
    def simulated(self) -> frozenset[str]:
        """The providers, by the name of their key, of which some part is played on this machine."""
        return frozenset(KEY_OF[name] for name in URLS if self._on_this_machine(name))

    @property
    def all_on_this_machine(self) -> bool:
        """True if waiting for the providers may be shortened."""
        return all(self._on_this_machine(name) for name in URLS)

    @property
    def warning(self) -> str | None:
        """The warning to print before anything is paid for."""
        real = sorted(key for key in KEYS if key not in self.simulated)
        return f"Calls real providers ({', '.join(real)}): this costs money." if real else None

    @property
    def fal_key(self) -> str:
        return self._key("FAL_KEY")

    @property
    def fal_admin_key(self) -> str:
        """The optional key that may delete at fal; where there is none, what the secret holds then."""
        simulated = self._served_by_simulator("FAL_PLATFORM_URL")
        return self.environment.get("FAL_ADMIN_KEY") or (SIMULATOR_ADMIN_KEY if simulated else NO_KEY)

    @property
    def astria_key(self) -> str:
        return self._key("ASTRIA_API_KEY")

    def webhook_url(self, api_url: str) -> str:
        """Return the address of callbacks; ``off`` if a provider is elsewhere and cannot reach this one."""
        return api_url if self.all_on_this_machine else "off"

    def simulator_options(self) -> dict[str, str]:
        """The keys that the simulators shall accept, as options; a real provider's key is not among them."""
        needed = {KEY_OF[name] for name in URLS if self._served_by_simulator(name)}
        return {option: self._key(key) for key, option in KEYS.items() if key in needed}

    def parameters(self, simulators_url: str | None) -> dict[str, str]:
        """Values for the stack's parameters, which name the real providers by default."""
        values = {
            parameter: self.environment.get(name) or f"{simulators_url}{path}"
            for name, (parameter, path) in URLS.items()
            if self.environment.get(name) or self._served_by_simulator(name)
        }
        if self.environment.get("ASTRIA_MOCK"):
            values["AstriaMock"] = self.environment["ASTRIA_MOCK"]
        here = LOOPBACK if any(self._on_this_machine(name) for name in URLS) else ()
        hosts = [self.environment.get("MEDIA_HOSTS", ""), *here]  # whatever name a server here gives itself
        return {**values, "MediaHosts": ",".join(filter(None, hosts))}

    def _key(self, name: str) -> str:
        return self.environment.get(name) or SIMULATOR_KEYS[name]

    def _served_by_simulator(self, name: str) -> bool:
        return not self.environment.get(name) and not self.environment.get(KEY_OF[name])

    def _on_this_machine(self, name: str) -> bool:
        url = self.environment.get(name)
        return urlsplit(url).hostname in LOOPBACK if url else self._served_by_simulator(name)
