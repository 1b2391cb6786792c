"""Settings: a frozen dataclass for each capability, and the one place that reads the environment.

A field is the variable of its name in capitals. A field without a default has to be there; a variable that is
empty counts as missing.
"""

import dataclasses
import ipaddress
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self
from urllib.parse import urlsplit

FAL_MEDIA_HOSTS = frozenset({"fal.media", ".fal.media", "storage.googleapis.com"})
"""Where fal's results lie: v3, v3b and others (public payloads, 2026-11-22). With a dot: all under it."""
ASTRIA_MEDIA_HOSTS = frozenset({"astria.ai", ".astria.ai", "sdbooth2-production.s3.amazonaws.com"})
"""Where Astria's pictures lie; https://docs.astria.ai/docs/api/prompt/retrieve, read 2026-11-22. Since 2025
on mp.astria.ai too (public payloads, 2026-11-28)."""


class InvalidSettings(LookupError):
    """The environment does not say what a capability needs; the message names all of it."""


def environment() -> Mapping[str, str]:
    """The environment of this process as it is now."""
    return dict(os.environ)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What all settings can do."""

    @classmethod
    def from_env(cls, env: Mapping[str, str]) -> Self:
        """Read the variables of all fields.

        Raises:
            InvalidSettings: some are missing, or are no numbers; the message names every one.
        """
        values, problems = {}, []
        for field in dataclasses.fields(cls):
            name = field.name.upper()
            try:
                if env.get(name):
                    values[field.name] = _READ[field.type](env[name])
                elif field.default is dataclasses.MISSING:
                    problems.append(f"{name} is not set")
            except ValueError:
                problems.append(f"{name} is not a number")
        if problems:
            raise InvalidSettings(f"The environment lacks what {cls.__name__} need: {', '.join(problems)}.")
        return cls(**values)


@dataclass(frozen=True, kw_only=True)
class SandboxSettings(Settings):
    """What Lambda says of the function that runs.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html, read 2026-11-28.
    """

    aws_lambda_function_memory_size: int
    """In MB."""


def _entries(text: str) -> tuple[str, ...]:
    return tuple(entry.strip() for entry in text.split(",") if entry.strip())


def _hosts(text: str) -> frozenset[str]:
    return frozenset(map(str.lower, _entries(text)))


_READ: Mapping[Any, Callable[[str], Any]] = {
    str: str,
    int: int,
    float: float,
    bool: "true".__eq__,
    frozenset[str]: _hosts,
    tuple[str, ...]: _entries,
}


@dataclass(frozen=True, kw_only=True)
class StorageSettings(Settings):
    """Where rows and objects are kept."""

    table_name: str
    bucket_name: str
    aws_endpoint_url: str = ""  # set on one machine, whose S3 has no host for each bucket


@dataclass(frozen=True, kw_only=True)
class MediaSettings(Settings):
    """Where pages find our bucket."""

    bucket_name: str
    aws_region: str
    aws_endpoint_url: str = ""  # set on one machine, whose S3 has no host for each bucket

    @property
    def origin(self) -> str:
        """The origin of links to objects and of uploads.

        https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html, read 2026-11-28.
        """
        top = "amazonaws.com.cn" if self.aws_region.startswith("cn-") else "amazonaws.com"
        return self.aws_endpoint_url or f"https://{self.bucket_name}.s3.{self.aws_region}.{top}"


@dataclass(frozen=True, kw_only=True)
class WorkflowSettings(Settings):
    """The state machines; a function knows those that it starts, wakes or watches."""

    train_identity_arn: str = ""
    generate_images_arn: str = ""
    run_evaluation_arn: str = ""


@dataclass(frozen=True, kw_only=True)
class ProviderSettings(Settings):
    """Where the providers are, and the names of the secrets with their keys, for functions that call them."""

    fal_queue_url: str
    fal_rest_url: str
    fal_platform_url: str
    astria_api_url: str
    fal_secret_name: str = ""
    fal_admin_secret_name: str = ""  # for functions that erase
    astria_secret_name: str = ""
    astria_mock: bool = False  # Astria's free mock, whose pictures never show the character
    aws_endpoint_url: str = "https://aws"  # set on one machine, where our bucket is on it

    def can_fetch_our_urls(self, provider_url: str) -> bool:
        """Say whether a provider can fetch links to our bucket: not loopback ones from elsewhere."""
        return self.is_simulated(provider_url) or not is_loopback(self.aws_endpoint_url)

    def is_simulated(self, provider_url: str) -> bool:
        """Say whether a stand-in plays a provider: it is on this machine."""
        return is_loopback(provider_url)


@dataclass(frozen=True, kw_only=True)
class OutboundSettings(Settings):
    """What may be fetched from addresses that others gave us."""

    local_mode: bool = False  # loopback addresses too: on one machine only
    media_hosts: frozenset[str] = frozenset()  # beside the known ones
    aws_endpoint_url: str = ""  # set on one machine

    def __post_init__(self) -> None:
        if self.local_mode and not is_loopback(self.aws_endpoint_url):
            raise InvalidSettings(
                "LOCAL_MODE is true, but AWS_ENDPOINT_URL is no address of this machine: loopback addresses "
                "are fetched on one machine only, so set the parameter LocalMode to false."
            )

    @property
    def result_hosts(self) -> frozenset[str]:
        """Host names that results and weights may come from."""
        return FAL_MEDIA_HOSTS | ASTRIA_MEDIA_HOSTS | self.media_hosts


@dataclass(frozen=True, kw_only=True)
class OrderSettings(Settings):
    """What an owner, and all together, may spend in a month: nothing, where no orders are accepted."""

    monthly_budget_usd: float = 0
    operator_budget_usd: float = 0


@dataclass(frozen=True, kw_only=True)
class RateLimitSettings(Settings):
    """How many orders, and how many reads, an owner may send in a minute."""

    requests_per_minute: int
    reads_per_minute: int


@dataclass(frozen=True, kw_only=True)
class SlotSettings(Settings):
    """How many jobs each provider is given at once; 0: as many as there are.

    The defaults are what a new account gets: fal runs two
    (https://fal.ai/docs/documentation/model-apis/concurrency-limits, read 2026-11-28), and Astria all
    (https://docs.astria.ai/docs/support/faq, read 2026-11-22).
    """

    fal_slots: int = 2
    astria_slots: int = 0


@dataclass(frozen=True, kw_only=True)
class CallbackSettings(Settings):
    """The address of our API where providers call back; ``off`` where they cannot reach it."""

    webhook_url: str = "off"


@dataclass(frozen=True, kw_only=True)
class AnalysisSettings(Settings):
    """The function that analyzes references; without its name they are not analyzed."""

    analyze_images_name: str = ""


@dataclass(frozen=True, kw_only=True)
class ProvenanceSettings(Settings):
    """The name of the secret with the key and the certificates that pictures are signed with."""

    provenance_secret_name: str = ""  # without it nothing is signed


@dataclass(frozen=True, kw_only=True)
class AuthSettings(Settings):
    """Who issues our callers' tokens."""

    jwt_issuer: str
    jwt_audience: str
    jwks_url: str
    allow_anonymous: bool = False  # anonymous sign-ins may order what costs money
    required_claims: tuple[str, ...] = ()  # "name=value", what tokens must say to be good here


def is_loopback(url: str) -> bool:
    """Say whether a URL names this machine."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
