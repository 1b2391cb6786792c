"""Settings: the one place that reads the environment."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

FAL_MEDIA_HOSTS = frozenset({"v3.fal.media", "v3b.fal.media", "fal.media", "storage.googleapis.com"})
"""Where fal's results lie; seen in public payloads, 2026-11-22."""
ASTRIA_MEDIA_HOSTS = frozenset({"sdbooth2-production.s3.amazonaws.com"})
"""Where Astria's pictures lie; https://docs.astria.ai/docs/api/prompt/retrieve, read 2026-11-22."""


@dataclass(frozen=True)
class Settings:
    """What a function is told by its environment. A name that a function does not use may be missing.

    Reading a missing one raises LookupError, which names it.
    """

    values: Mapping[str, str]

    def __getitem__(self, name: str) -> str:
        value = self.values.get(name, "")
        if not value:
            raise LookupError(f"The environment variable {name} is not set.")
        return value

    @property
    def local_mode(self) -> bool:
        """Whether loopback addresses may be fetched: on one machine only."""
        return self.values.get("LOCAL_MODE") == "true"

    @property
    def astria_mock(self) -> bool:
        """Whether Astria is asked for its free mock, whose pictures never show the character."""
        return self.values.get("ASTRIA_MOCK") == "true"

    @property
    def monthly_budget_usd(self) -> float:
        """What an owner may spend in a month; nothing, where no orders are accepted."""
        return float(self.values.get("MONTHLY_BUDGET_USD") or 0)

    @property
    def requests_per_minute(self) -> int:
        """How many orders and checks an owner may send in a minute."""
        return int(self["REQUESTS_PER_MINUTE"])

    @property
    def media_hosts(self) -> frozenset[str]:
        """Host names that results and weights may come from."""
        extra = (host.strip().lower() for host in self.values.get("MEDIA_HOSTS", "").split(","))
        return FAL_MEDIA_HOSTS | ASTRIA_MEDIA_HOSTS | frozenset(host for host in extra if host)

    def can_fetch_our_urls(self, provider_url: str) -> bool:
        """Whether a provider can fetch links to our bucket: not a loopback one from elsewhere."""
        return is_loopback(provider_url) or not is_loopback(
            self.values.get("AWS_ENDPOINT_URL", "https://aws")
        )


def is_loopback(url: str) -> bool:
    """Whether a URL names this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
