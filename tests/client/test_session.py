"""Sessions: who is available, and where the token goes."""

import pytest

from character_identity_client import (
    ProxySession,
    ServiceFailed,
    astria,
    configure,
    fal_instant_character,
    fal_lora,
)
from tests.client.proxies import Proxies


def available() -> tuple[bool, bool, bool]:
    return (
        fal_instant_character.is_fal_instant_character_available(),
        fal_lora.is_fal_lora_available(),
        astria.is_astria_available(),
    )


def test_without_a_session_nothing_is_available() -> None:
    assert available() == (False, False, False)


def test_a_session_makes_all_providers_available_and_none_takes_them_back() -> None:
    with Proxies().session() as session:
        configure(session)
        assert available() == (True, True, True)
    configure(None)
    assert available() == (False, False, False)


def test_a_session_can_be_for_some_providers_only(proxies: Proxies) -> None:
    configure(None, ["fal-lora", "astria"])
    assert available() == (True, False, False)


def test_a_token_never_crosses_a_network_in_clear_text() -> None:
    with pytest.raises(ValueError, match="HTTPS"):
        ProxySession("http://api.test", "a-token")


def test_calls_carry_the_token_and_keep_the_base_path(proxies: Proxies) -> None:
    proxies.script("GET /api/astria-proxy?get_tune", {"id": "7", "trained_at": None})
    assert not astria.is_astria_ready("7")
    assert proxies.tokens == ["Bearer a-token"]


def test_a_failure_is_a_sentence_of_its_own_kind() -> None:
    with pytest.raises(ServiceFailed) as caught:
        fal_instant_character.create_instant_character_identity("Sarah", [])
    assert str(caught.value) == "Fal.ai Instant Character API key is not configured."
