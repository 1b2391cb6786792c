import httpx
import pytest

from character_identity.domain.errors import InvalidRequest
from character_identity.outbound.urls import host_of, parse_url, redirected
from tests.corpora.urls import URLS


@pytest.mark.parametrize(("text", "host"), list(URLS.items()), ids=lambda value: ascii(value)[:40])
def test_a_url_has_one_host_or_is_refused(text: str, host: str | None) -> None:
    if host is None:
        with pytest.raises(InvalidRequest) as caught:
            parse_url(text)
        assert caught.value.code == "forbidden_url"
    else:
        url = parse_url(text)
        assert host_of(url) == host
        assert parse_url(str(url)) == url
        built = httpx.Request("GET", url)
        assert built.headers["Host"].strip("[]").startswith(host)


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        ("/b", "https://ann.test/b"),
        ("b?x=1", "https://ann.test/a/b?x=1"),
        ("//bob.test/b", "https://bob.test/b"),
        ("http://bob.test/b", "http://bob.test/b"),
        ("/with a blank", "https://ann.test/with%20a%20blank"),
        ("https://straße.test/", "https://xn--strae-oqa.test/"),
    ],
)
def test_a_redirect_leads_somewhere(location: str, expected: str) -> None:
    assert str(redirected(parse_url("https://ann.test/a/x"), location)) == str(httpx.URL(expected))


@pytest.mark.parametrize(
    "location",
    [
        "https://[::1",
        "file:///etc/passwd",
        "https://bob@ann.test/",
        "\\\\bob.test",
        "/\t/b.test",
        "https://xn--/",
        "/" + "a" * 9000,
        "https://ann.test:0/",
    ],
    ids=lambda location: location[:20],
)
def test_a_redirect_to_nowhere_is_refused(location: str) -> None:
    with pytest.raises(InvalidRequest):
        redirected(parse_url("https://ann.test/a"), location)
