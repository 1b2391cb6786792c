"""Where the API is, and who calls it: from arguments, the environment, or what ``make dev`` has written."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import httpx

from character_identity_client.errors import NotConfigured
from character_identity_client.secrecy import bearer

URL, TOKEN = "CHARACTER_IDENTITY_URL", "CHARACTER_IDENTITY_TOKEN"
DEV = Path(".local") / "dev.json"
LOCAL = ("localhost", "127.0.0.1", "::1")


class Address(NamedTuple):
    """An API, and a bearer token for it."""

    url: str
    token: str


def address(
    url: str | None = None,
    token: str | None = None,
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Address:
    """Find what is not given in the environment, or else in ``.local/dev.json`` of a folder or one above it.

    A token is never taken from another place than its address.

    Raises:
        NotConfigured: it is nowhere.
        ValueError: the address or the token is none, or the token would cross a network in clear text.
    """
    environment = os.environ if environment is None else environment
    known = environment.get(URL)
    if not url and known:
        url = known
    if not url:
        url, of_dev = _of_dev(folder or Path.cwd())
        token = token if token is not None else of_dev
    elif token is None and known in (url, "", None):
        token = environment.get(TOKEN)
    if not url:
        raise NotConfigured(
            f"It is not said where the API is: give api_url and token, or set {URL} and {TOKEN}, or start "
            f"make dev in this folder, which writes {DEV}."
        )
    refuse_clear_text(url)
    if token is None:
        raise NotConfigured(f"It is not said who calls {httpx.URL(url).host}: give a token, or set {TOKEN}.")
    bearer(token)
    return Address(url, token)


def refuse_clear_text(api_url: str) -> None:
    """Let no token cross a network in clear text.

    Raises:
        ValueError: it would, at this URL, or the URL is none.
    """
    try:
        url = httpx.URL(api_url)
    except httpx.InvalidURL:
        url = httpx.URL()
    if not (url.scheme and url.host):
        raise ValueError(f"{api_url!r} is no address of an API, as https://api.example.com is one.")
    if url.scheme != "https" and not is_local(url):
        raise ValueError(f"The API must be called over HTTPS, not at {url.scheme}://{url.host}.")


def is_local(url: httpx.URL | str) -> bool:
    """Return True if a URL is of this machine.

    No proxy of the environment leads there: it would read the token, and httpx cannot even make a client
    where one is a SOCKS proxy. A client with a transport of its own looks at none.
    """
    host = httpx.URL(url).host
    return host in LOCAL or host.endswith(".localhost")


def _of_dev(folder: Path) -> tuple[str | None, str | None]:
    for place in (folder, *folder.parents):
        file = place / DEV
        if file.is_file():
            try:
                said = json.loads(file.read_text(encoding="utf-8"))
                return str(said["apiUrl"]), str(said["token"])
            except (ValueError, LookupError, TypeError):
                raise NotConfigured(
                    f"{file} does not say where the API is: start make dev again, or remove the file."
                ) from None
    return None, None
