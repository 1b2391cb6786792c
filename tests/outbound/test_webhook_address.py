import pytest

from character_identity.domain.errors import InvalidRequest
from character_identity.outbound.guard import UrlGuard
from character_identity.outbound.webhook_address import check_address

NAMES = {
    "ann.test": ["93.184.216.34"],
    "half.test": ["93.184.216.34", "10.0.0.1"],
    "inside.test": ["169.254.169.254"],
    "localhost": ["127.0.0.1"],
}


def resolve(host: str, port: int, timeout_s: float) -> list[str]:
    if host not in NAMES:
        raise OSError("no such host")
    return NAMES[host]


CLOUD = UrlGuard(resolve=resolve)
LOCAL = UrlGuard(resolve=resolve, allow_loopback=True)


def test_a_public_https_address_passes() -> None:
    check_address("https://ann.test:8443/hook?from=ci", CLOUD)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://ann.test/hook", "forbidden_url"),
        ("https://user:password@ann.test/hook", "forbidden_url"),
        ("ftp://ann.test/hook", "forbidden_url"),
        ("hook", "forbidden_url"),
        ("https://", "forbidden_url"),
        ("https://ann.test:port/", "forbidden_url"),
        ("https://ann\x00.test/", "forbidden_url"),
        ("https://inside.test/latest/meta-data", "forbidden_host"),
        ("https://half.test/", "forbidden_host"),
        ("https://localhost/", "forbidden_host"),
        ("https://nowhere.test/", "unknown_host"),
    ],
)
def test_any_other_address_is_refused(url: str, code: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        check_address(url, CLOUD)
    assert caught.value.code == code


def test_on_one_machine_its_own_addresses_pass() -> None:
    check_address("http://localhost:8080/hook", LOCAL)
    with pytest.raises(InvalidRequest):
        check_address("http://ann.test/hook", LOCAL)
