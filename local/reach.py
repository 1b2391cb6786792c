"""Probes whether providers answer, and says it within seconds when one does not."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

import httpx

from local.progress import Progress

INTERVAL_S = 10
LIMIT_S = 5

Probe = Callable[[str], str | None]


def probe(url: str) -> str | None:
    """Say why there is no answer at an address, None if there is one; free, for it takes no key along.

    As the functions call it: by no proxy of the environment.
    """
    try:
        status = httpx.head(url, timeout=LIMIT_S, trust_env=False).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return str(error) or type(error).__name__
    return f"HTTP {status}" if status >= 500 else None


def account_of(provider: str) -> str:
    """Whose a provider is: several may be of one."""
    return provider.partition("-")[0]


@contextmanager
def watching(addresses: Mapping[str, str], progress: Progress, probe: Probe = probe) -> Iterator[None]:
    """Show next to each provider, by name, whether it answers at its address, as long as this lasts."""
    ended = threading.Event()

    def watch(provider: str, url: str) -> None:
        while not ended.is_set():
            problem = probe(url)
            progress.note(
                provider, problem and f"{account_of(provider)} does not answer at {url} ({problem})"
            )
            ended.wait(INTERVAL_S)

    for provider, url in addresses.items():
        threading.Thread(target=watch, args=(provider, url), daemon=True, name=f"watch {provider}").start()
    try:
        yield
    finally:
        ended.set()
