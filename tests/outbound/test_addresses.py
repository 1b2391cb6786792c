from ipaddress import ip_address

import pytest

from character_identity.outbound.addresses import is_loopback, is_public
from tests.corpora.urls import URLS, addresses


def test_an_address_is_public_when_all_that_it_stands_for_is() -> None:
    for text, expected in addresses():
        assert is_public(ip_address(text)) is expected, text


def test_the_corpus_is_large() -> None:
    assert len(set(addresses())) >= 200
    assert len(URLS) >= 120


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("127.0.0.1", True),
        ("127.255.255.255", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::127.0.0.1", False),
        ("64:ff9b::127.0.0.1", False),
        ("10.0.0.1", False),
        ("::", False),
        ("0.0.0.0", False),
    ],
)
def test_what_is_this_machine(text: str, expected: bool) -> None:
    assert is_loopback(ip_address(text)) is expected
