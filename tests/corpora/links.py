"""Links: every URL and every address of ``urls``, as the link of a reference."""

from collections.abc import Iterator
from typing import Any

from tests.corpora.corpus import ACCEPTED, Corpus, Entry, Try
from tests.corpora.system import System
from tests.corpora.urls import URLS, addresses

PRIVATE_HOSTS = {"127.0.0.1", "::1", "::ffff:127.0.0.1", "2001:db8::1"}


def entries() -> Iterator[Entry]:
    for number, (url, host) in enumerate(URLS.items()):
        yield Entry(f"{number} {ascii(url)[:60]}", "URL", (url, None), _expected(url, host))
    for address, is_public in dict(addresses()).items():
        kind = "IPv6 address" if ":" in address else "IPv4 address"
        expected = ACCEPTED if is_public else "forbidden_host"
        yield Entry(address, kind, ("https://host.test/a.jpg", address), expected)


def _expected(url: str, host: str | None) -> str:
    if "://" not in url:
        return "unknown_reference"  # the key of an upload, if anything
    if host is None or url.startswith("http:"):
        return "forbidden_url"
    return "forbidden_host" if host in PRIVATE_HOSTS else ACCEPTED


def door(system: System) -> Try:
    def check(given: Any) -> str:
        url, address = given
        system.network.names = {"host.test": address}
        answer = system.api("check_references", "POST", "/v1/references/check", {"references": [url]})
        assert answer.status == 200, answer.body
        code = str(answer.body["findings"][0]["code"])
        if code != "unreachable_reference":
            assert not system.network.called, "it was called before it was refused"
            return code
        assert len(system.network.called) == 1, "a host that may be called was not"
        return ACCEPTED

    return check


CORPUS = Corpus("URLs and addresses", 200, entries, door)
