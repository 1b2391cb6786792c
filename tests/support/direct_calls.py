"""Clients ask what is in memory here without HTTP in between, which takes most of a call's time."""

import pickle
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any

from botocore.client import BaseClient
from botocore.exceptions import ParamValidationError
from botocore.validate import ParamValidator

from tests.support.memory_buckets import Buckets
from tests.support.memory_bus import Bus
from tests.support.memory_secrets import Secrets
from tests.support.memory_tables import Tables
from tests.support.quick_validation import check_of
from tests.support.refusal import Refusal

Service = Tables | Buckets | Bus | Secrets
SERVICES: dict[str, type[Service]] = {
    "dynamodb": Tables,
    "events": Bus,
    "s3": Buckets,
    "secretsmanager": Secrets,
}
"""Who answers in place of which service."""


class _Validator(ParamValidator):  # type: ignore[misc]
    """Without a look at each value for JSON and documents, of which none of these services takes any."""

    def _check_special_validation_cases(self, shape: Any) -> None:
        return None


VALIDATOR = _Validator()
calls: Counter[str] = Counter()
"""What the clients of this process asked for since it was cleared, by service and operation."""
_in_memory: list[dict[str, Service]] = []
_one_after_the_other = Lock()


@contextmanager
def answered_from_memory(stored: bytes | None = None) -> Iterator[None]:
    """Begin with nothing, or with what was stored another time; it is forgotten at the end."""
    new = {name: service() for name, service in SERVICES.items()}
    _in_memory.append(new if stored is None else pickle.loads(stored))
    try:
        yield
    finally:
        _in_memory.pop()


def all_stored() -> bytes:
    """Return what is stored now, to begin with another time."""
    return pickle.dumps(_in_memory[-1])


def _ask(client: Any, operation: str, parameters: Any) -> Any:
    """Answer a call from memory, with what botocore does before and after it that makes a difference here.

    Its handlers change what S3 and boto3's resources are asked, and nothing else that is asked here.
    """
    about = client.meta.service_model
    name = _name_of(about)
    with _one_after_the_other:
        calls[f"{name} {operation}"] += 1
    service = _in_memory[-1].get(about.service_name) if _in_memory else None
    if service is None:
        return ask_botocore(client, operation, parameters)
    model = about.operation_model(operation)
    has_handlers = isinstance(service, Buckets) or client.meta.config.user_agent_extra == "Resource"
    if has_handlers:
        context = {"client_config": client.meta.config, "client_region": client.meta.region_name}
        parameters = client._emit_api_params(parameters, model, context)
    _see_that_it_fits(parameters, model.input_shape)
    try:
        with _one_after_the_other:
            status, answer = 200, service.answer(operation, parameters)
    except Refusal as refusal:
        status, answer = refusal.status, _error_of(refusal, about)
    answer = {**answer, "ResponseMetadata": {"HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}}
    if has_handlers:
        client.meta.events.emit(f"after-call.{name}.{operation}", parsed=answer, model=model, context=context)
    if status != 200:
        raise client.exceptions.from_code(answer["Error"]["Code"])(answer, operation)
    return answer


@cache
def _name_of(about: Any) -> str:
    """Return what botocore's events call a service."""
    return str(about.service_id.hyphenize())


def _see_that_it_fits(parameters: Any, shape: Any) -> None:
    if not check_of(shape)(parameters):
        report = VALIDATOR.validate(parameters, shape)
        if report.has_errors():
            raise ParamValidationError(report=report.generate_report())


def _error_of(refusal: Refusal, about: Any) -> dict[str, Any]:
    """Return what botocore reads of the answer with an error."""
    shape = about.shape_for_error_code(refusal.code)
    named = {} if shape is None else {each for each in shape.members if each.lower() == "message"}
    error = {"Code": refusal.code, "Message": refusal.message}
    return {"Error": error, **dict.fromkeys(named, refusal.message), **refusal.more}


ask_botocore = BaseClient._make_api_call
BaseClient._make_api_call = _ask
