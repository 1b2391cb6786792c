"""Handlers of state machines' tasks, of events and of direct calls."""

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
    """The handler of anything else: events and direct calls. ``origin`` finds what they say of a job."""
    return _logged(lambda event, context: run(wiring.services(), event, context), origin)


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
            logger.info("done", extra={"state": result["state"]} if "state" in (result or {}) else {})
            return result

    return logged
