"""A company's proxy in the environment, by which nothing of this machine is to be had."""

import pytest
from botocore.utils import get_environ_proxies

from local.__main__ import main

PROXY = "http://proxy.example:3128"
NAMES = ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")


@pytest.mark.parametrize("given", [{}, {"NO_PROXY": "intranet.example"}, {"no_proxy": "intranet.example"}])
def test_calls_to_this_machine_go_by_no_proxy(
    given: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "")
    for name, value in {"HTTP_PROXY": PROXY, "http_proxy": PROXY, **given}.items():
        monkeypatch.setenv(name, value)
    assert main(["--help"]) == 0
    for host in ("127.0.0.1", "localhost", "media.localhost"):
        assert get_environ_proxies(f"http://{host}:4566/bucket") == {}
    assert get_environ_proxies("http://elsewhere.example/")["http"] == PROXY
    assert bool(get_environ_proxies("http://intranet.example/")) == (not given)
