"""The clients: the API's operations as methods that block, and as methods that are awaited."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from functools import update_wrapper
from typing import Any, Generic, ParamSpec, Self, TypeVar, overload

import httpx

from character_identity_client import evaluation_operations, jobs, operations
from character_identity_client.configuration import address, is_local
from character_identity_client.effects import Do, Effect, Entries, Found, Now, Send, Sleep, Steps
from character_identity_client.errors import ApiError, DeadlinePassed, JobFailed, NotConfigured
from character_identity_client.pictures import CONTENT_TYPES
from character_identity_client.secrecy import bearer

__all__ = [
    "CONTENT_TYPES",
    "TIMEOUT",
    "ApiClient",
    "ApiError",
    "AsyncApiClient",
    "DeadlinePassed",
    "JobFailed",
    "NotConfigured",
]

TIMEOUT = httpx.Timeout(connect=5, read=35, write=60, pool=5)
"""Seconds. API Gateway gives a function 30 to answer; uploads are a few megabytes."""

P = ParamSpec("P")
T = TypeVar("T")


class _Method(Generic[P, T]):
    """Steps as a method of a client."""

    def __init__(self, steps: Callable[P, T]) -> None:
        self.steps = steps
        self.__doc__ = steps.__doc__


class Blocking(_Method[P, Steps[T]], Generic[P, T]):
    """A method that returns what the steps end with."""

    @overload
    def __get__(self, client: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, client: "ApiClient", owner: type[object]) -> Callable[P, T]: ...
    def __get__(self, client: "ApiClient | None", owner: type[object]) -> "Self | Callable[P, T]":
        if client is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> T:
            return client.run_steps(self.steps(*args, **kwargs))

        return update_wrapper(call, self.steps)


class BlockingList(_Method[P, Entries[T]], Generic[P, T]):
    """A method that returns an iterator, which asks for pages as they are needed."""

    @overload
    def __get__(self, client: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, client: "ApiClient", owner: type[object]) -> Callable[P, Iterator[T]]: ...
    def __get__(self, client: "ApiClient | None", owner: type[object]) -> "Self | Callable[P, Iterator[T]]":
        if client is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> Iterator[T]:
            return client.run_entries(self.steps(*args, **kwargs))

        return update_wrapper(call, self.steps)


class Awaited(_Method[P, Steps[T]], Generic[P, T]):
    """A method whose coroutine returns what the steps end with."""

    @overload
    def __get__(self, client: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(
        self, client: "AsyncApiClient", owner: type[object]
    ) -> Callable[P, Coroutine[Any, Any, T]]: ...
    def __get__(
        self, client: "AsyncApiClient | None", owner: type[object]
    ) -> "Self | Callable[P, Coroutine[Any, Any, T]]":
        if client is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> Coroutine[Any, Any, T]:
            return client.run_steps(self.steps(*args, **kwargs))

        return update_wrapper(call, self.steps)


class AwaitedList(_Method[P, Entries[T]], Generic[P, T]):
    """A method that returns an asynchronous iterator, which asks for pages as they are needed."""

    @overload
    def __get__(self, client: None, owner: type[object]) -> Self: ...
    @overload
    def __get__(self, client: "AsyncApiClient", owner: type[object]) -> Callable[P, AsyncIterator[T]]: ...
    def __get__(
        self, client: "AsyncApiClient | None", owner: type[object]
    ) -> "Self | Callable[P, AsyncIterator[T]]":
        if client is None:
            return self

        def call(*args: P.args, **kwargs: P.kwargs) -> AsyncIterator[T]:
            return client.run_entries(self.steps(*args, **kwargs))

        return update_wrapper(call, self.steps)


class ApiClient:
    """Calls the API for one owner, and repeats calls that failed or came too early, a few times.

    Orders carry an idempotency key, by default a new one each, so that a repeated call is not a second order.
    Give one to be safe beyond this process: who asks again with it, within a day, gets what it led to.

    Safe to use from several threads.
    """

    def __init__(
        self,
        api_url: str | None = None,
        token: str | None = None,
        *,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Talk to the API at ``api_url``, to which paths such as ``/v1/identities`` are appended.

        Without address and token those of the environment count, ``CHARACTER_IDENTITY_URL`` and
        ``CHARACTER_IDENTITY_TOKEN``, or else those of ``.local/dev.json``, which ``make dev`` writes.

        Raises:
            NotConfigured: they are nowhere.
            ValueError: the token is none, or would cross a network in clear text.
        """
        found = address(api_url, token)
        headers = {"Authorization": bearer(found.token), "Accept": "application/json"}
        if transport is None and is_local(found.url):
            transport = httpx.HTTPTransport()
        self._api = httpx.Client(base_url=found.url, headers=headers, timeout=TIMEOUT, transport=transport)
        self._stores = httpx.Client(timeout=TIMEOUT, transport=transport)
        self._clock = clock
        self._sleep = sleep

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._api.close()
        self._stores.close()

    list_providers = Blocking(operations.list_providers)
    create_references = Blocking(operations.create_references)
    check_references = Blocking(operations.check_references)
    create_identity = Blocking(operations.create_identity)
    estimate_identity = Blocking(operations.estimate_identity)
    list_identities = BlockingList(operations.list_identities)
    get_identity = Blocking(operations.get_identity)
    cancel_identity = Blocking(operations.cancel_identity)
    rename_identity = Blocking(operations.rename_identity)
    erase_identity = Blocking(operations.erase_identity)
    generate = Blocking(operations.generate)
    estimate_generation = Blocking(operations.estimate_generation)
    list_generations = BlockingList(operations.list_generations)
    get_generation = Blocking(operations.get_generation)
    erase_generation = Blocking(operations.erase_generation)
    usage = Blocking(operations.usage)
    compare = Blocking(operations.compare)
    create_webhook = Blocking(operations.create_webhook)
    list_webhooks = BlockingList(operations.list_webhooks)
    update_webhook = Blocking(operations.update_webhook)
    test_webhook = Blocking(operations.test_webhook)
    rotate_webhook_secret = Blocking(operations.rotate_webhook_secret)
    list_webhook_deliveries = BlockingList(operations.list_webhook_deliveries)
    delete_webhook = Blocking(operations.delete_webhook)
    get_event = Blocking(operations.get_event)
    replay_event = Blocking(operations.replay_event)
    call = Blocking(operations.call)

    estimate_evaluation = Blocking(evaluation_operations.estimate_evaluation)
    create_evaluation = Blocking(evaluation_operations.create_evaluation)
    get_evaluation = Blocking(evaluation_operations.get_evaluation)
    list_evaluations = BlockingList(evaluation_operations.list_evaluations)
    cancel_evaluation = Blocking(evaluation_operations.cancel_evaluation)
    erase_evaluation = Blocking(evaluation_operations.erase_evaluation)
    evaluation_result = Blocking(evaluation_operations.evaluation_result)
    wait_until_evaluated = Blocking(evaluation_operations.wait_until_evaluated)

    upload_references = Blocking(jobs.upload_references)
    wait_until_ready = Blocking(jobs.wait_until_ready)
    wait_until_generated = Blocking(jobs.wait_until_generated)
    wait_until_scored = Blocking(jobs.wait_until_scored)
    download = Blocking(jobs.download)
    run = Blocking(jobs.run)

    def run_steps(self, steps: Steps[T]) -> T:
        """Have the effects of steps happen until they end, and return what with."""
        came_of_it: Any = None
        while True:
            try:
                effect = steps.send(came_of_it)
            except StopIteration as end:
                result: T = end.value
                return result
            came_of_it = self._perform(effect)

    def run_entries(self, entries: Entries[T]) -> Iterator[T]:
        """The entries that steps find, as they are asked for."""
        came_of_it: Any = None
        while True:
            try:
                effect = entries.send(came_of_it)
            except StopIteration:
                return
            if isinstance(effect, Found):
                yield effect.entry
                came_of_it = None
            else:
                came_of_it = self._perform(effect)

    def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send():
                client = self._api if effect.to_the_api else self._stores
                try:
                    return client.request(effect.method, effect.url, **_parts_of(effect))
                except httpx.TransportError as exc:
                    return exc
            case Sleep():
                return self._sleep(effect.seconds)
            case Now():
                return self._clock()
            case Do():
                return effect.function()


class AsyncApiClient:
    """``ApiClient``, with methods that are awaited, and lists that are read by ``async for``.

    What is cancelled while it is awaited ends at once; what was ordered by then goes on.
    """

    def __init__(
        self,
        api_url: str | None = None,
        token: str | None = None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Talk to the API; as ``ApiClient``."""
        found = address(api_url, token)
        headers = {"Authorization": bearer(found.token), "Accept": "application/json"}
        if transport is None and is_local(found.url):
            transport = httpx.AsyncHTTPTransport()
        self._api = httpx.AsyncClient(
            base_url=found.url, headers=headers, timeout=TIMEOUT, transport=transport
        )
        self._stores = httpx.AsyncClient(timeout=TIMEOUT, transport=transport)
        self._clock = clock
        self._sleep = sleep

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._api.aclose()
        await self._stores.aclose()

    list_providers = Awaited(operations.list_providers)
    create_references = Awaited(operations.create_references)
    check_references = Awaited(operations.check_references)
    create_identity = Awaited(operations.create_identity)
    estimate_identity = Awaited(operations.estimate_identity)
    list_identities = AwaitedList(operations.list_identities)
    get_identity = Awaited(operations.get_identity)
    cancel_identity = Awaited(operations.cancel_identity)
    rename_identity = Awaited(operations.rename_identity)
    erase_identity = Awaited(operations.erase_identity)
    generate = Awaited(operations.generate)
    estimate_generation = Awaited(operations.estimate_generation)
    list_generations = AwaitedList(operations.list_generations)
    get_generation = Awaited(operations.get_generation)
    erase_generation = Awaited(operations.erase_generation)
    usage = Awaited(operations.usage)
    compare = Awaited(operations.compare)
    create_webhook = Awaited(operations.create_webhook)
    list_webhooks = AwaitedList(operations.list_webhooks)
    update_webhook = Awaited(operations.update_webhook)
    test_webhook = Awaited(operations.test_webhook)
    rotate_webhook_secret = Awaited(operations.rotate_webhook_secret)
    list_webhook_deliveries = AwaitedList(operations.list_webhook_deliveries)
    delete_webhook = Awaited(operations.delete_webhook)
    get_event = Awaited(operations.get_event)
    replay_event = Awaited(operations.replay_event)
    call = Awaited(operations.call)

    estimate_evaluation = Awaited(evaluation_operations.estimate_evaluation)
    create_evaluation = Awaited(evaluation_operations.create_evaluation)
    get_evaluation = Awaited(evaluation_operations.get_evaluation)
    list_evaluations = AwaitedList(evaluation_operations.list_evaluations)
    cancel_evaluation = Awaited(evaluation_operations.cancel_evaluation)
    erase_evaluation = Awaited(evaluation_operations.erase_evaluation)
    evaluation_result = Awaited(evaluation_operations.evaluation_result)
    wait_until_evaluated = Awaited(evaluation_operations.wait_until_evaluated)

    upload_references = Awaited(jobs.upload_references)
    wait_until_ready = Awaited(jobs.wait_until_ready)
    wait_until_generated = Awaited(jobs.wait_until_generated)
    wait_until_scored = Awaited(jobs.wait_until_scored)
    download = Awaited(jobs.download)
    run = Awaited(jobs.run)

    async def run_steps(self, steps: Steps[T]) -> T:
        """Have the effects of steps happen until they end, and return what with."""
        came_of_it: Any = None
        while True:
            try:
                effect = steps.send(came_of_it)
            except StopIteration as end:
                result: T = end.value
                return result
            came_of_it = await self._perform(effect)

    async def run_entries(self, entries: Entries[T]) -> AsyncIterator[T]:
        """The entries that steps find, as they are asked for."""
        came_of_it: Any = None
        while True:
            try:
                effect = entries.send(came_of_it)
            except StopIteration:
                return
            if isinstance(effect, Found):
                yield effect.entry
                came_of_it = None
            else:
                came_of_it = await self._perform(effect)

    async def _perform(self, effect: Effect) -> Any:
        match effect:
            case Send():
                client = self._api if effect.to_the_api else self._stores
                try:
                    return await client.request(effect.method, effect.url, **_parts_of(effect))
                except httpx.TransportError as exc:
                    return exc
            case Sleep():
                return await self._sleep(effect.seconds)
            case Now():
                return self._clock()
            case Do():
                return await asyncio.to_thread(effect.function)


def _parts_of(request: Send) -> dict[str, Any]:
    """A request's parts as httpx calls them."""
    parts: dict[str, Any] = {
        "headers": request.headers,
        "params": request.query or None,
        "json": request.json,
        # A link of the API may lead on; the token and a file go nowhere else.
        "follow_redirects": request.method == "GET" and not request.to_the_api,
    }
    if request.file is not None:
        parts |= {"data": request.form, "files": {"file": request.file}}
    return parts
