"""A port that cannot be had is named with what to do about it."""

import argparse
import errno
import os
import socket
from collections.abc import Iterator

import pytest

from local.errors import CannotRun
from local.ports import free_or_any, listener, port, require_free


@pytest.fixture
def taken() -> Iterator[int]:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        yield somebody.getsockname()[1]


def test_a_free_port_listens_at_once() -> None:
    with listener(0, "--port") as listening, socket.create_connection(listening.getsockname()):
        pass


@pytest.mark.parametrize("text", ["0", "80", "65535"])
def test_a_port_is_a_number(text: str) -> None:
    assert port(text) == int(text)


@pytest.mark.parametrize("text", ["70000", "65536", "-1", "http", "8787.0", "", "٣"])
def test_no_other_number_is_a_port(text: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match="a port is a number from 0 to 65535, not "):
        port(text)


@pytest.mark.parametrize(
    ("refusal", "sentence"),
    [
        (
            errno.EACCES,
            "Port 80 is for the administrator only; --api-port (make: API_PORT=) chooses another one,",
        ),
        (errno.EADDRNOTAVAIL, "This machine cannot be reached at 127.0.0.1 (Cannot assign requested"),
        (errno.ENETUNREACH, "This machine cannot be reached at 127.0.0.1 (Network is unreachable); bring"),
    ],
)
def test_what_the_system_refuses_is_told_apart(
    monkeypatch: pytest.MonkeyPatch, refusal: int, sentence: str
) -> None:
    def refuse(self: socket.socket, address: object) -> None:
        raise OSError(refusal, os.strerror(refusal))

    monkeypatch.setattr(socket.socket, "bind", refuse)
    with pytest.raises(CannotRun) as caught:
        listener(80, "--api-port")
    assert str(caught.value).startswith(sentence)
    assert str(caught.value).count("\n") == 0


@pytest.mark.parametrize(
    "error", [OSError(errno.ENETUNREACH, "Network is unreachable"), TimeoutError("timed out")]
)
def test_a_loopback_that_takes_listeners_and_no_calls_is_said(
    monkeypatch: pytest.MonkeyPatch, error: OSError
) -> None:
    def refuse(*_: object, **__: object) -> socket.socket:
        raise error

    monkeypatch.setattr(socket, "create_connection", refuse)
    with pytest.raises(CannotRun, match=r"^This machine cannot be reached at 127\.0\.0\.1 \((Net|timed)"):
        require_free({})


def test_a_port_that_somebody_else_has_is_let_go_of(taken: int) -> None:
    assert free_or_any(taken) == 0
    with listener(0, "") as mine:
        number = mine.getsockname()[1]
    assert free_or_any(number) == number
