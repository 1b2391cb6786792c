import pytest

from character_identity.config import Settings, is_loopback


def test_a_missing_name_is_named() -> None:
    with pytest.raises(LookupError, match="TABLE_NAME"):
        Settings({"TABLE_NAME": ""})["TABLE_NAME"]


def test_media_hosts_are_added_to_the_known_ones() -> None:
    hosts = Settings({"MEDIA_HOSTS": " Media.Example.test, b.test,"}).media_hosts
    assert {"media.example.test", "b.test", "v3.fal.media"} <= hosts
    assert "" not in hosts


@pytest.mark.parametrize(("value", "local"), [("true", True), ("false", False), ("", False), ("1", False)])
def test_local_mode_is_switched_on_by_one_word_only(value: str, local: bool) -> None:
    assert Settings({"LOCAL_MODE": value}).local_mode is local


@pytest.mark.parametrize(
    ("bucket", "provider", "reach"),
    [
        (None, "https://queue.fal.run", True),
        ("http://127.0.0.1:4566", "https://queue.fal.run", False),
        ("http://127.0.0.1:4566", "http://localhost:8790/fal", True),
    ],
)
def test_which_links_a_provider_can_fetch(bucket: str | None, provider: str, reach: bool) -> None:
    settings = Settings({"AWS_ENDPOINT_URL": bucket} if bucket else {})
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
