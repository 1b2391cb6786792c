"""Handlers of state machines' tasks, of queues of events, and of anything else."""

import json
import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, Protocol, Self, TypeVar

from character_identity import wiring
from character_identity.observability import ORIGIN, log_keys
from character_identity.wiring import Services

Event = dict[str, Any]
LambdaHandler = Callable[[Event, Any], Any]
Finish = Callable[[], Any]

logger = logging.getLogger(__name__)


class Model(Protocol):
    """What a state is: a model of pydantic, which a function without a state need not load."""

    @classmethod
    def model_validate(cls, obj: Any) -> Self: ...
    def model_dump(self, *, mode: str) -> dict[str, Any]: ...


State = TypeVar("State", bound=Model)


def task(model: type[State], run: Callable[[Services, State], State]) -> LambdaHandler:
    """The handler of a state machine's task: state in, next state out."""

    def handle(event: Event, context: Any) -> Any:
        return run(wiring.services(), model.model_validate(event)).model_dump(mode="json")

    return _logged(handle, lambda event: event)


def event_handler(
    run: Callable[[Services, Event, Any], Any], *, origin: Callable[[Event], Event] = lambda event: {}
) -> LambdaHandler:
    """The handler of anything else: the clock and direct calls. ``origin`` finds what they say of a job."""
    return _logged(lambda event, context: run(wiring.services(), event, context), origin)


def queue_handler(run: Callable[[Services, Event, Any], Any]) -> LambdaHandler:
    """The handler of a queue, each message of which is an event as EventBridge wrote it."""
    return batch_handler(
        lambda services, events, context: [partial(run, services, event, context) for event in events]
    )


def batch_handler(begin: Callable[[Services, list[Event], Any], Iterable[Finish]]) -> LambdaHandler:
    """The handler of a queue, some work for which is done for a batch of events at once.

    ``begin`` does it, and returns for each event how it is finished, each for itself. Events that fail then,
    and no others, stay in the queue to come again:
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html, read 2026-11-28.
    """
    handle = _logged(lambda finish, context: finish(), lambda finish: {})

    def succeeds(finish: Finish, context: Any) -> bool:
        try:
            handle(finish, context)
        except Exception:  # logged already
            return False
        return True

    def handle_batch(batch: Event, context: Any) -> Event:
        messages = batch["Records"]
        broken = {message["messageId"] for message in messages if not _is_json(message["body"])}
        whole = [message for message in messages if message["messageId"] not in broken]
        with log_keys():
            begun = iter(
                begin(wiring.services(), [json.loads(message["body"]) for message in whole], context)
            )
        failed = []
        for message in messages:
            is_broken = message["messageId"] in broken
            finish = partial(json.loads, message["body"]) if is_broken else next(begun)
            if not succeeds(finish, context):
                failed.append({"itemIdentifier": message["messageId"]})
        return {"batchItemFailures": failed}

    return handle_batch


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _logged(handle: Callable[[Any, Any], Any], origin: Callable[[Any], Event]) -> Callable[[Any, Any], Any]:
    """The same handler, which says that it has done its work, or that it could not."""

    def logged(event: Any, context: Any) -> Any:
        said = origin(event)
        with log_keys(**{name: said.get(name) for name in ORIGIN}):
            try:
                result = handle(event, context)
            except Exception as exc:  # Lambda's own line about it has none of the keys
                logger.warning("ended in an error", extra={"error": type(exc).__name__}, exc_info=exc)
                raise
            is_state = isinstance(result, dict) and "state" in result
            logger.info("done", extra={"state": result["state"]} if is_state else {})
            return result

    return logged
