import dataclasses

import pytest

from character_identity import config
from character_identity.config import (
    AuthSettings,
    InvalidSettings,
    OutboundSettings,
    ProviderSettings,
    RateLimitSettings,
    SlotSettings,
    StorageSettings,
    is_loopback,
)

PROVIDERS = {
    "FAL_QUEUE_URL": "https://queue.test",
    "FAL_REST_URL": "https://rest.test",
    "FAL_PLATFORM_URL": "https://platform.test",
    "ASTRIA_API_URL": "https://astria.test",
}
ONE_MACHINE = {"AWS_ENDPOINT_URL": "http://127.0.0.1:4566"}


def test_all_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(InvalidSettings) as refused:
        AuthSettings.from_env({"JWT_ISSUER": "", "JWT_AUDIENCE": "ours"})
    assert "JWT_ISSUER is not set, JWKS_URL is not set" in str(refused.value)
    assert "JWT_AUDIENCE" not in str(refused.value)


def test_what_is_no_number_is_named() -> None:
    with pytest.raises(InvalidSettings, match="REQUESTS_PER_MINUTE is not a number"):
        RateLimitSettings.from_env({"REQUESTS_PER_MINUTE": "many"})


def test_a_setting_is_the_variable_of_its_name() -> None:
    read = StorageSettings.from_env({"TABLE_NAME": "state", "BUCKET_NAME": "media", "OTHER": "x"})
    assert read == StorageSettings(table_name="state", bucket_name="media")
    assert SlotSettings.from_env({"FAL_SLOTS": "7"}).fal_slots == 7


def test_no_settings_can_be_changed() -> None:
    for each in vars(config).values():
        if isinstance(each, type) and issubclass(each, config.Settings) and each is not config.Settings:
            assert each.__dataclass_params__.frozen, each  # type: ignore[attr-defined]
            assert all(field.type in config._READ for field in dataclasses.fields(each)), each


def test_media_hosts_are_added_to_the_known_ones() -> None:
    hosts = OutboundSettings.from_env({"MEDIA_HOSTS": " Media.Example.test, b.test,"}).result_hosts
    assert {"media.example.test", "b.test", ".fal.media", ".astria.ai"} <= hosts
    assert "" not in hosts


@pytest.mark.parametrize(("value", "local"), [("true", True), ("false", False), ("", False), ("1", False)])
def test_local_mode_is_switched_on_by_one_word_only(value: str, local: bool) -> None:
    assert OutboundSettings.from_env(ONE_MACHINE | {"LOCAL_MODE": value}).local_mode is local


@pytest.mark.parametrize("endpoint", [{}, {"AWS_ENDPOINT_URL": "https://s3.eu-central-1.amazonaws.com"}])
def test_local_mode_is_refused_where_aws_is_elsewhere(endpoint: dict[str, str]) -> None:
    with pytest.raises(InvalidSettings, match="set the parameter LocalMode to false"):
        OutboundSettings.from_env({"LOCAL_MODE": "true"} | endpoint)


@pytest.mark.parametrize(
    ("bucket", "provider", "reach"),
    [
        (None, "https://queue.fal.run", True),
        ("http://127.0.0.1:4566", "https://queue.fal.run", False),
        ("http://127.0.0.1:4566", "http://localhost:8790/fal", True),
    ],
)
def test_which_links_a_provider_can_fetch(bucket: str | None, provider: str, reach: bool) -> None:
    settings = ProviderSettings.from_env(PROVIDERS | ({"AWS_ENDPOINT_URL": bucket} if bucket else {}))
    assert settings.can_fetch_our_urls(provider) is reach


@pytest.mark.parametrize(
    ("url", "loopback"),
    [
        ("http://[::1]:80/", True),
        ("http://127.8.8.8", True),
        ("https://localhost.evil.test", False),
        ("nonsense", False),
    ],
)
def test_loopback(url: str, loopback: bool) -> None:
    assert is_loopback(url) is loopback
