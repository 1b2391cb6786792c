"""Every call to a stranger is made by ``outbound/client.py``; AWS alone is called otherwise, by boto3."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOOR = ROOT / "layers/core/python/character_identity/outbound/client.py"
RESOLVER = ROOT / "layers/core/python/character_identity/outbound/guard.py"
DEPLOYED = [
    path for folder in ("functions", "layers") for path in (ROOT / folder).rglob("*.py") if path != DOOR
]
FORBIDDEN_MODULES = {
    "aiohttp",
    "ftplib",
    "http.client",
    "httpcore",
    "requests",
    "smtplib",
    "socket",
    "ssl",
    "telnetlib",
    "urllib.request",
    "urllib3",
    "xmlrpc",
}
CALLING = {"AsyncClient", "AsyncHTTPTransport", "Client", "HTTPTransport"} | {
    "delete",
    "get",
    "head",
    "options",
    "patch",
    "post",
    "put",
    "request",
    "stream",
}
"""What of httpx calls somebody, or makes something that does."""
ALLOWED = {
    RESOLVER: {"socket"},  # resolves names
    DOOR.with_name("safe_http.py"): {"socket", "ssl"},  # types of what it hands to the door
}


def ways_out(source: str) -> Iterator[str]:
    """Names in a module by which it could call somebody."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names = [f"{node.value.id}.{node.attr}"] if node.value.id == "httpx" else []
        else:
            continue
        for name in names:
            parents = {name[: at or None] for at in [0, *(i for i, c in enumerate(name) if c == ".")]}
            found = parents & FORBIDDEN_MODULES
            if found:
                yield min(found)
            elif name.removeprefix("httpx.") in CALLING and name.startswith("httpx."):
                yield name


def test_nothing_deployed_calls_anybody_but_by_the_door() -> None:
    found = {
        str(path.relative_to(ROOT)): others
        for path in DEPLOYED
        if (others := set(ways_out(path.read_text(encoding="utf-8"))) - ALLOWED.get(path, set()) - TYPES)
    }
    assert found == {}


TYPES = {"httpx.Client"}
"""A class that many are handed; that nobody makes one of it says the next test."""


def test_nobody_makes_a_client() -> None:
    made = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in DEPLOYED
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in {"httpx.Client", "Client"}
    ]
    assert made == []


@pytest.mark.parametrize(
    "source",
    [
        "import requests",
        "import http.client",
        "from http.client import HTTPSConnection",
        "from urllib.request import urlopen",
        "from urllib import request",
        "import urllib.request as ways",
        "import socket",
        "from urllib3 import PoolManager",
        "import httpx\nhttpx.get('https://x')",
        "from httpx import stream",
        "import httpx\nhttpx.AsyncClient()",
        "def f():\n    import httpx\n    return httpx.Client()",
    ],
)
def test_a_way_out_is_found(source: str) -> None:
    assert list(ways_out(source))


def test_what_only_reads_an_answer_is_none() -> None:
    assert not list(
        ways_out("import httpx\nfrom urllib.parse import quote\nx: httpx.Response = httpx.URL('')")
    )
