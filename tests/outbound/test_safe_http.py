import socket
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

import httpx
import pytest

from character_identity.domain.errors import (
    HostNotAllowed,
    InvalidRequest,
    ProviderRejected,
    ProviderUnavailable,
)
from character_identity.outbound.guard import UrlGuard, look_up
from character_identity.outbound.safe_http import MAX_REDIRECTS, SafeHttpClient
from character_identity.outbound.urls import parse_url
from character_identity.ports.gateways import WebhookSender

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


def resolve(host: str, port: int, timeout_s: float) -> list[str]:
    if host not in ADDRESSES:
        raise OSError("unknown")
    return ADDRESSES[host]


class Net:
    """The open network: answers by host and path, and remembers where it was called."""

    def __init__(self, **guard: object) -> None:
        self.calls: list[httpx.Request] = []
        self.answers: dict[str, httpx.Response | Exception] = {}
        options = {"resolve": resolve, **guard}
        self.fetcher = SafeHttpClient(UrlGuard(**options), httpx.MockTransport(self._answer))  # type: ignore[arg-type]

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
    assert (call.url.host, call.headers["Host"]) == ("public.test", "public.test")
    assert call.extensions["addresses"] == ("93.184.216.34",)
    assert call.headers["Accept-Encoding"] == "identity"
    assert "Authorization" not in call.headers
    assert call.headers["User-Agent"] == "character-identity"


def test_a_cookie_is_given_back_while_a_link_is_followed_and_never_again() -> None:
    """Whoever asks the same host next would read with it what only the link before opens."""
    net = Net()
    cookie = {"Set-Cookie": "session=ann; Path=/"}
    net.answers["public.test/link"] = httpx.Response(302, headers={**cookie, "Location": "/a"})
    net.answers["public.test/a"] = httpx.Response(302, headers={"Location": "https://media.test/a"})
    net.answers["media.test/a"] = httpx.Response(200, content=b"picture", headers=cookie)
    net.answers["public.test/b"] = net.answers["media.test/b"] = httpx.Response(200)
    net.answers["media.test/hook"] = httpx.Response(200, headers=cookie)
    net.fetcher.fetch("https://public.test/link", 100)
    net.fetcher.fetch("https://public.test/b", 100)
    net.fetcher.fetch_start("https://media.test/b", 100)
    for _ in range(2):
        net.fetcher.post("https://media.test/hook", b"{}", {})
        net.fetcher.put("https://media.test/hook", b"", "image/jpeg")
    sent = {call.url.path: call.headers.get("Cookie") for call in net.calls if call.url.host == "public.test"}
    assert sent == {"/link": None, "/a": "session=ann", "/b": None}
    assert all("Cookie" not in call.headers for call in net.calls if call.url.host == "media.test")


def test_a_cookie_that_no_header_takes_stops_no_link() -> None:
    """Edges of networks write where we are into one, as it is spelt there."""
    net = Net()
    set_cookies = [(b"Set-Cookie", "city=Z\u00fcrich".encode()), (b"Set-Cookie", b"session=ann")]
    net.answers["public.test/link"] = httpx.Response(302, headers=[*set_cookies, (b"Location", b"/a")])
    net.answers["public.test/a"] = httpx.Response(200, content=b"picture")
    assert net.fetcher.fetch("https://public.test/link", 100) == b"picture"
    assert net.calls[-1].headers["Cookie"] == "session=ann"


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


@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("v4.media.test", True),
        ("a.b.media.test", True),
        ("V3.MEDIA.test", True),
        ("media.test", False),
        ("evilmedia.test", False),
        ("media.test.evil.test", False),
        ("v3.media.test.evil.test", False),
    ],
)
def test_a_host_with_a_dot_in_front_stands_for_all_under_it(host: str, is_known: bool) -> None:
    guard = UrlGuard(
        hosts=frozenset({".media.test"}), resolve=lambda host, port, timeout_s: ["93.184.216.34"]
    )
    if is_known:
        assert guard.addresses(parse_url(f"https://{host}/a")) == ("93.184.216.34",)
    else:
        with pytest.raises(InvalidRequest) as caught:
            guard.addresses(parse_url(f"https://{host}/a"))
        assert caught.value.code == "forbidden_host"


def test_on_one_machine_loopback_passes_over_http_but_nothing_else_private_does() -> None:
    net = Net(allow_loopback=True, hosts=frozenset({"127.0.0.1"}))
    net.answers["127.0.0.1:9/a"] = httpx.Response(200, content=b"x")
    assert net.fetcher.fetch("http://127.0.0.1:9/a", 100) == b"x"
    with pytest.raises(InvalidRequest):
        net.fetcher.fetch("http://private.test/a", 100)


@pytest.mark.parametrize(
    "url",
    [
        "https://public.test/a",
        "http://public.test/a",
        "https://media.test/moved",
        "https://media.test/plain",
        "http://localhost:9/a",
    ],
)
def test_a_host_that_the_operator_may_allow_is_named(url: str) -> None:
    net = Net(allow_loopback=True, hosts=frozenset({"media.test"}))
    net.answers["media.test/moved"] = moved("https://public.test/b")
    net.answers["media.test/plain"] = moved("http://public.test/b")
    with pytest.raises(HostNotAllowed) as caught:
        net.fetcher.fetch(url, 100)
    assert caught.value.code == "forbidden_host"
    assert not net.fetcher.allows(caught.value.host)
    assert net.fetcher.allows("media.test")


@pytest.mark.parametrize(
    "url",
    ["x", "", "/a", "https://", "ftp://public.test/a", "https://private.test/a"],
)
def test_what_nobody_can_allow_is_refused_for_good(url: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        Net(hosts=frozenset({"media.test"})).fetcher.fetch(url, 100)
    assert not isinstance(caught.value, HostNotAllowed)


def test_names_under_localhost_are_this_machine() -> None:
    assert look_up("media.localhost", 80) == ["127.0.0.1"]


def test_every_redirect_is_checked_again() -> None:
    net = Net()
    net.answers["public.test/a"] = httpx.Response(302, headers={"Location": "/b"})
    net.answers["public.test/b"] = httpx.Response(302, headers={"Location": "https://private.test/c"})
    with pytest.raises(InvalidRequest):
        net.fetcher.fetch("https://public.test/a", 100)
    assert [call.url.path for call in net.calls] == ["/a", "/b"]


def moved(location: str) -> httpx.Response:
    return httpx.Response(302, headers={"Location": location})


RESULTS = frozenset({"media.test", "public.test"})


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("https://media.test/here", "http://media.test/a?q=1"),
        ("https://media.test/here", "HTTP://MEDIA.test:80/a?q=1"),
        ("https://public.test/here", "http://media.test/a?q=1"),
        ("http://media.test/a?q=1", None),
    ],
)
def test_what_is_named_with_plain_http_is_asked_for_over_tls(url: str, location: str | None) -> None:
    """Nobody can alter a result on its way, and what was paid is had where its host has it over TLS too."""
    net = Net(hosts=RESULTS)
    if location is not None:
        net.answers[f"{httpx.URL(url).host}/here"] = moved(location)
    net.answers["media.test/a"] = httpx.Response(200, content=b"picture")
    assert net.fetcher.fetch(url, 100) == b"picture"
    assert str(net.calls[-1].url) == "https://media.test/a?q=1"
    assert {call.url.scheme for call in net.calls} == {"https"}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (moved("http://media.test/a"), "leads back"),
        (moved("https://media.test/here"), "leads back"),
        (httpx.Response(404), "answered 404"),
        (httpx.Response(503), "answered 503"),
        (httpx.ConnectError("refused"), "ConnectError"),
    ],
    ids=["to plain http again", "in a circle", "404", "503", "refused"],
)
def test_what_plain_http_leads_to_in_vain_is_worth_another_look(
    tmp_path: Path, answer: httpx.Response | Exception, reason: str
) -> None:
    net = Net(hosts=RESULTS)
    net.answers |= {"media.test/here": moved("http://media.test/a"), "media.test/a": answer}
    with pytest.raises(ProviderUnavailable, match=f"media.test is named with plain http.*{reason}"):
        net.fetcher.download("https://media.test/here", tmp_path / "file", 100)
    assert {call.url.scheme for call in net.calls} == {"https"}


def test_a_host_of_results_that_has_no_address_has_one_later() -> None:
    net = Net(hosts=frozenset({"media.test", "lost.test"}))
    net.answers["media.test/here"] = moved("https://lost.test/a")
    for url in ("https://lost.test/a", "https://media.test/here"):
        with pytest.raises(ProviderUnavailable, match=r"lost\.test is not known"):
            net.fetcher.fetch(url, 100)
    with pytest.raises(InvalidRequest):
        net.fetcher.fetch("https://elsewhere.test/a", 100)


def test_a_callers_link_is_followed_over_tls_and_the_link_itself_is_its_callers_to_mend() -> None:
    net = Net()
    net.answers |= {
        "public.test/here": moved("http://media.test/a"),
        "media.test/a": httpx.Response(200, content=b"picture"),
    }
    assert net.fetcher.fetch("https://public.test/here", 100) == b"picture"
    with pytest.raises(InvalidRequest) as caught:
        net.fetcher.fetch("http://media.test/a", 100)
    assert caught.value.code == "forbidden_url"
    assert len(net.calls) == 2


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
        (httpx.Response(410), ProviderRejected),
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


@contextmanager
def answering(answer: bytes) -> Iterator[str]:
    """The URL of a server that answers once, with these bytes and no more."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)

        thread = Thread(target=serve)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.getsockname()[1]}/lora.safetensors"
        finally:
            thread.join()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n123456789",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nContent-Length: 9\r\n\r\n123456789",
    ],
    ids=["cut short", "without an end", "two lengths"],
)
def test_a_download_that_breaks_off_is_no_download(tmp_path: Path, answer: bytes) -> None:
    with (
        closing(SafeHttpClient(UrlGuard(allow_loopback=True))) as fetcher,
        answering(answer) as url,
        pytest.raises(ProviderUnavailable),
    ):
        fetcher.download(url, tmp_path / "file", 100)


def test_a_download_of_just_its_length_is_whole(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n123456789"
    with closing(SafeHttpClient(UrlGuard(allow_loopback=True))) as fetcher, answering(answer) as url:
        fetcher.download(url, tmp_path / "file", 100)
    assert (tmp_path / "file").read_bytes() == b"123456789"


def test_a_post_goes_to_the_address_that_was_checked() -> None:
    net = Net()
    net.answers["public.test/hook"] = httpx.Response(204)
    headers = {"webhook-id": "m1", "host": "169.254.169.254", "Content-Type": "application/json"}
    assert net.fetcher.post("https://public.test/hook?x=1", b"{}", headers) == 204
    (call,) = net.calls
    assert (call.method, call.extensions["addresses"], call.read()) == ("POST", ("93.184.216.34",), b"{}")
    assert call.headers.get_list("Host") == ["public.test"]
    assert (call.headers["webhook-id"], call.headers["Content-Type"]) == ("m1", "application/json")
    assert "Authorization" not in call.headers


@pytest.mark.parametrize("status", [200, 301, 302, 307, 400, 404, 410, 429, 500, 503])
def test_a_post_tells_the_status_and_follows_nothing(status: int) -> None:
    net = Net()
    net.answers["public.test/hook"] = httpx.Response(
        status, headers={"Location": "https://private.test/"}, content=b"x" * 100
    )
    assert net.fetcher.post("https://public.test/hook", b"", {}) == status
    assert len(net.calls) == 1


def test_the_body_of_an_answer_to_a_post_is_not_read() -> None:
    def unending() -> Iterator[bytes]:
        raise AssertionError("it was read")
        yield b""

    net = Net()
    net.answers["public.test/hook"] = httpx.Response(200, content=unending())
    assert net.fetcher.post("https://public.test/hook", b"", {}) == 200


@pytest.mark.parametrize(
    "url",
    [
        "http://public.test/hook",
        "https://user:secret@public.test/hook",
        "https://private.test/hook",
        "https://mixed.test/hook",
        "https://169.254.169.254/latest",
        "https://nowhere.test/",
        "https://",
        "",
        "https://public.test:99999999/",
    ],
)
def test_nothing_is_posted_where_nothing_may_be_fetched(url: str) -> None:
    net = Net()
    with pytest.raises(InvalidRequest):
        net.fetcher.post(url, b"{}", {})
    assert net.calls == []


@pytest.mark.parametrize(
    "cut", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), httpx.ReadError("cut")]
)
def test_a_post_without_an_answer_may_be_made_again(cut: Exception) -> None:
    net = Net()
    net.answers["public.test/hook"] = cut
    with pytest.raises(ProviderUnavailable):
        net.fetcher.post("https://public.test/hook", b"{}", {})


def test_on_one_machine_a_post_reaches_a_port_of_it() -> None:
    answer = b"HTTP/1.1 202 Accepted\r\nContent-Length: 5\r\n\r\n12345"
    with closing(SafeHttpClient(UrlGuard(allow_loopback=True))) as fetcher, answering(answer) as url:
        sender: WebhookSender = fetcher
        assert sender.post(url, b"{}", {"webhook-id": "m1"}) == 202
