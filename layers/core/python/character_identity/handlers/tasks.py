"""Handlers of state machines' tasks, of queues of events, and of anything else."""

import json
import logging
from collections.abc import Callable
from typing import Any, Protocol, Self, TypeVar

from character_identity import wiring
from character_identity.observability import ORIGIN, log_keys
from character_identity.wiring import Services

Event = dict[str, Any]
LambdaHandler = Callable[[Event, Any], Any]

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
    """The handler of a queue, each message of which is an event as EventBridge wrote it.

    Each event is handled for itself. Those that fail, and no others, stay in the queue to come again:
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html, read 2026-11-28.
    """
    handle = _logged(
        lambda message, context: run(wiring.services(), json.loads(message["body"]), context),
        lambda message: {},
    )

    def succeeds(message: Event, context: Any) -> bool:
        try:
            handle(message, context)
        except Exception:  # logged already
            return False
        return True

    def handle_batch(batch: Event, context: Any) -> Event:
        failed = [message for message in batch["Records"] if not succeeds(message, context)]
        return {"batchItemFailures": [{"itemIdentifier": message["messageId"]} for message in failed]}

    return handle_batch


def _logged(handle: LambdaHandler, origin: Callable[[Event], Event]) -> LambdaHandler:
    """The same handler, which says that it has done its work, or that it could not."""

    def logged(event: Event, context: Any) -> Any:
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
