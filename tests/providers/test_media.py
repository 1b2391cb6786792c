from pathlib import Path

import httpx
import pytest

from character_identity.domain.errors import InvalidRequest, ProviderRejected, ProviderUnavailable
from character_identity.providers.media import MAX_REDIRECTS, Guard, MediaFetcher

ADDRESSES = {
    "public.test": ["93.184.216.34"],
    "media.test": ["93.184.216.35"],
    "private.test": ["10.0.0.7"],
    "mixed.test": ["93.184.216.34", "169.254.169.254"],
    "mapped.test": ["::ffff:127.0.0.1"],
    "localhost": ["127.0.0.1"],
    "127.0.0.1": ["127.0.0.1"],
    "169.254.169.254": ["169.254.169.254"],
}


def resolve(host: str, port: int) -> list[str]:
    if host not in ADDRESSES:
        raise OSError("unknown")
    return ADDRESSES[host]


class Net:
    """The open network: answers by host and path, and remembers where it was called."""

    def __init__(self, **guard: object) -> None:
        self.calls: list[httpx.Request] = []
        self.answers: dict[str, httpx.Response | Exception] = {}
        options = {"resolve": resolve, **guard}
        self.fetcher = MediaFetcher(Guard(**options), httpx.MockTransport(self._answer))  # type: ignore[arg-type]

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.calls.append(request)
        answer = self.answers[f"{request.headers['Host']}{request.url.path}"]
        if isinstance(answer, Exception):
            raise answer
        return answer


def test_the_connection_goes_to_the_address_that_was_checked() -> None:
    net = Net()
    net.answers["public.test/a"] = httpx.Response(200, content=b"picture")
    assert net.fetcher.fetch("https://public.test/a?q=1", 100) == b"picture"
    (call,) = net.calls
    assert (call.url.host, call.headers["Host"]) == ("93.184.216.34", "public.test")
    assert call.extensions["sni_hostname"] == "public.test"
    assert "Authorization" not in call.headers


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://public.test/a", "forbidden_url"),
        ("ftp://public.test/a", "forbidden_url"),
        ("https://user:secret@public.test/a", "forbidden_url"),
        ("https:///a", "forbidden_url"),
        ("https://nowhere.test/a", "unknown_host"),
        ("https://private.test/a", "forbidden_host"),
        ("https://mixed.test/a", "forbidden_host"),
        ("https://mapped.test/a", "forbidden_host"),
        ("https://localhost/a", "forbidden_host"),
        ("https://169.254.169.254/latest/meta-data", "forbidden_host"),
    ],
)
def test_what_may_not_be_fetched_is_not_even_tried(url: str, code: str) -> None:
    net = Net()
    with pytest.raises(InvalidRequest) as caught:
        net.fetcher.fetch(url, 100)
    assert (caught.value.code, net.calls) == (code, [])


def test_results_come_from_known_hosts_only() -> None:
    net = Net(hosts=frozenset({"media.test"}))
    net.answers["media.test/a"] = httpx.Response(200, content=b"x")
    assert net.fetcher.fetch("https://media.test/a", 100) == b"x"
    with pytest.raises(InvalidRequest):
        net.fetcher.fetch("https://public.test/a", 100)


def test_on_one_machine_loopback_passes_over_http_but_nothing_else_private_does() -> None:
    net = Net(allow_loopback=True, hosts=frozenset({"media.test"}))
    net.answers["127.0.0.1:9/a"] = httpx.Response(200, content=b"x")
    assert net.fetcher.fetch("http://127.0.0.1:9/a", 100) == b"x"
    with pytest.raises(InvalidRequest):
        net.fetcher.fetch("http://private.test/a", 100)


def test_every_redirect_is_checked_again() -> None:
    net = Net()
    net.answers["public.test/a"] = httpx.Response(302, headers={"Location": "/b"})
    net.answers["public.test/b"] = httpx.Response(302, headers={"Location": "https://private.test/c"})
    with pytest.raises(InvalidRequest):
        net.fetcher.fetch("https://public.test/a", 100)
    assert [call.url.path for call in net.calls] == ["/a", "/b"]


def test_redirects_end() -> None:
    net = Net()
    net.answers["public.test/a"] = httpx.Response(302, headers={"Location": "/a"})
    with pytest.raises(InvalidRequest):
        net.fetcher.fetch("https://public.test/a", 100)
    assert len(net.calls) == MAX_REDIRECTS + 1


def test_bytes_are_capped_while_they_come(tmp_path: Path) -> None:
    net = Net()
    net.answers["public.test/a"] = httpx.Response(200, content=b"x" * 101)
    with pytest.raises(InvalidRequest) as caught:
        net.fetcher.download("https://public.test/a", tmp_path / "file", 100)
    assert caught.value.code == "file_too_large"


def test_a_download_is_hashed(tmp_path: Path) -> None:
    net = Net()
    net.answers["public.test/a"] = httpx.Response(200, content=b"abc")
    digest = net.fetcher.download("https://public.test/a", tmp_path / "file", 100)
    assert digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert (tmp_path / "file").read_bytes() == b"abc"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(404), ProviderRejected),
        (httpx.Response(403), ProviderRejected),
        (httpx.Response(429), ProviderUnavailable),
        (httpx.Response(503), ProviderUnavailable),
        (httpx.ReadTimeout("slow"), ProviderUnavailable),
    ],
)
def test_what_a_failed_fetch_means(answer: httpx.Response | Exception, error: type[Exception]) -> None:
    net = Net()
    net.answers["public.test/a"] = answer
    with pytest.raises(error):
        net.fetcher.fetch("https://public.test/a", 100)
