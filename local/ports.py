"""Ports of this machine: numbers that can be ports, and whether somebody has them."""

import argparse
import errno
import json
import socket
from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection, HTTPException

from local.errors import LOOPBACK_DOWN, CannotRun

HOST = "127.0.0.1"
LARGEST = 65_535
WHO = "/_local"
"""Where the port of the API says which run it belongs to."""
ANSWER_LIMIT_S = 2.0
"""For whoever has a port to say who it is, and for a connection to ourselves."""


def port(text: str) -> int:
    """An option's value as the number of a port; 0 is any free one."""
    if not (text.isascii() and text.isdecimal()) or int(text) > LARGEST:
        raise argparse.ArgumentTypeError(f"a port is a number from 0 to {LARGEST}, not {text!r}")
    return int(text)


def listener(number: int, option: str) -> socket.socket:
    """A socket that listens: from now on a connection waits until we serve, and is not refused.

    Raises:
        CannotRun: the port cannot be had; ``option`` is the one that chooses another.
    """
    try:
        return _listening(number)
    except OSError as error:
        raise CannotRun(_sentence(error, number, option)) from error


def free_or_any(number: int) -> int:
    """The port if it can be had, else 0: any free one."""
    try:
        _listening(number).close()
    except OSError:
        return 0
    return number


def require_free(ports: Mapping[str, int]) -> None:
    """Check ports, each by the option that chooses it, before anything is started.

    Raises:
        CannotRun: one of them cannot be had, or what listens cannot be reached.
    """
    with listener(0, "") as anywhere:
        try:
            socket.create_connection(anywhere.getsockname(), timeout=ANSWER_LIMIT_S).close()
        except OSError as error:
            raise CannotRun(_sentence(error, 0, "")) from error
    for option, number in ports.items():
        listener(number, option).close()


def _listening(number: int) -> socket.socket:
    listening = socket.socket()
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, number))
        listening.listen()
    except OSError:
        listening.close()
        raise
    return listening


def _sentence(error: OSError, number: int, option: str) -> str:
    another = f"{option} (make: {option.strip('-').replace('-', '_').upper()}=) chooses another one"
    if error.errno == errno.EADDRINUSE:
        return f"Port {number} is in use{_by_whom(number)}; {another}."
    if error.errno in (errno.EACCES, errno.EPERM):
        return f"Port {number} is for the administrator only; {another}, from 1024 on."
    return f"This machine cannot be reached at {HOST} ({error.strerror or error}); {LOOPBACK_DOWN}."


def _by_whom(number: int) -> str:
    """The run that has a port, if it is one of ours."""
    try:
        with closing(HTTPConnection(HOST, number, timeout=ANSWER_LIMIT_S)) as connection:
            connection.request("GET", WHO)
            run = json.loads(connection.getresponse().read(10_000))
            return f" by the run in {run['folder']}, process {run['process']}"
    except (OSError, HTTPException, ValueError, KeyError, TypeError):
        return ""
