"""Which providers a local run talks to: those that the environment names, stand-ins for all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

# environment variable: (parameter of the stack, path of the stand-in)
URLS = {
    "FAL_RUN_URL": ("FalRunUrl", "/fal/run"),
    "FAL_QUEUE_URL": ("FalQueueUrl", "/fal/queue"),
    "FAL_REST_URL": ("FalRestUrl", "/fal/rest"),
    "ASTRIA_API_URL": ("AstriaApiUrl", "/astria"),
}
STAND_IN_KEYS = {"FAL_KEY": "stand-in-id:stand-in-secret", "ASTRIA_API_KEY": "sd_stand_in"}
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True)
class ProviderSettings:
    """What the environment says about the providers; nothing of it is required.

    A key alone never leads to a real provider: that takes its URL, so no exported key is used by surprise.
    """

    environment: Mapping[str, str]

    @property
    def stand_ins_needed(self) -> bool:
        """Whether some provider URL is not given."""
        return any(not self.environment.get(name) for name in URLS)

    @property
    def simulated(self) -> bool:
        """Whether all providers are on this machine, so that waiting for them may be shortened."""
        given = (self.environment.get(name) for name in URLS)
        return all(urlsplit(url).hostname in LOOPBACK for url in given if url)

    @property
    def fal_key(self) -> str:
        return self.environment.get("FAL_KEY") or STAND_IN_KEYS["FAL_KEY"]

    @property
    def astria_key(self) -> str:
        return self.environment.get("ASTRIA_API_KEY") or STAND_IN_KEYS["ASTRIA_API_KEY"]

    def stand_in_options(self) -> dict[str, str]:
        """The keys that the stand-ins shall accept, as options; a real provider's key is not among them."""
        served = [name for name in URLS if not self.environment.get(name)]
        fal, astria = (any(name.startswith(prefix) for name in served) for prefix in ("FAL", "ASTRIA"))
        keys = {"--fal-key": self.fal_key if fal else "", "--astria-key": self.astria_key if astria else ""}
        return {option: key for option, key in keys.items() if key}

    def parameters(self, stand_ins_url: str | None) -> dict[str, str]:
        """Values for the stack's parameters; ``stand_ins_url`` is where the stand-ins serve, if they do."""
        values = {
            parameter: self.environment.get(name) or f"{stand_ins_url}{path}"
            for name, (parameter, path) in URLS.items()
        }
        hosts = [self.environment.get("MEDIA_HOSTS", ""), "127.0.0.1" if stand_ins_url else ""]
        return {**values, "MediaHosts": ",".join(filter(None, hosts))}
