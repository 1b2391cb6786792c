"""Clients ask what is in memory here without HTTP in between, which takes most of a call's time."""

import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, NamedTuple

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
_in_memory: list[dict[str, Service]] = []
_one_after_the_other = Lock()


class WithoutHttp:
    """What a client leaves out whose calls are answered here: where they go, as what, and who signs them.

    A link is signed as ever.
    """

    def _resolve_endpoint_ruleset(self, model: Any, params: Any, context: Any, **more: Any) -> Any:
        if context.get("is_presign_request"):
            return super()._resolve_endpoint_ruleset(model, params, context, **more)  # type: ignore[misc]
        return "", {}, {}

    def _emit_api_params(self, api_params: Any, operation_model: Any, context: Any) -> Any:
        """Of what DynamoDB is asked only boto3's resources change what is read here."""
        is_of_resource = self.meta.config.user_agent_extra == "Resource"  # type: ignore[attr-defined]
        if operation_model.service_model.service_name == "dynamodb" and not is_of_resource:
            return api_params
        return super()._emit_api_params(api_params, operation_model, context)  # type: ignore[misc]

    def _convert_to_request_dict(
        self, api_params: Any, operation_model: Any, endpoint_url: str, context: Any, **more: Any
    ) -> Any:
        if context.get("is_presign_request"):
            return super()._convert_to_request_dict(  # type: ignore[misc]
                api_params, operation_model, endpoint_url, context, **more
            )
        if not check_of(operation_model.input_shape)(api_params):
            report = VALIDATOR.validate(api_params, operation_model.input_shape)
            if report.has_errors():
                raise ParamValidationError(report=report.generate_report())
        return {"asked": api_params, "url": "", "headers": {}, "body": b"", "context": context}


class Status(NamedTuple):
    """The part that botocore reads of an HTTP response that is parsed already."""

    status_code: int


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


def leave_out_http(base_classes: list[type], **_: Any) -> None:
    """Make the class of a client one that leaves out HTTP."""
    base_classes.insert(0, WithoutHttp)


def answer(model: Any, params: Any, **_: Any) -> tuple[Status, Any]:
    """A call's answer as botocore expects it from those who answer in place of a server."""
    try:
        service = _in_memory[-1][model.service_model.service_name]
        with _one_after_the_other:
            status, answer = 200, service.answer(model.name, params["asked"])
    except Refusal as refusal:
        error = {"Code": refusal.code, "Message": refusal.message}
        shape = model.service_model.shape_for_error_code(refusal.code)
        named = {} if shape is None else {each for each in shape.members if each.lower() == "message"}
        status, answer = (
            refusal.status,
            {"Error": error, **dict.fromkeys(named, refusal.message), **refusal.more},
        )
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}
    return Status(status), {**answer, "ResponseMetadata": metadata}
