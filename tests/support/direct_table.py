"""Clients ask the tables of a test (``memory_tables.py``) without HTTP, which takes most of a call's time."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from botocore.exceptions import ParamValidationError
from botocore.validate import ParamValidator

from tests.support.memory_tables import Refusal, Tables

VALIDATOR = ParamValidator()
_tables: list[Tables] = []


class WithoutHttp:
    """What a client leaves out whose calls are answered here: where they go, as what, and who signs them."""

    def _resolve_endpoint_ruleset(self, *_: Any) -> tuple[str, dict[str, str], dict[str, Any]]:
        return "", {}, {}

    def _convert_to_request_dict(
        self, api_params: Any, operation_model: Any, context: Any, **_: Any
    ) -> dict[str, Any]:
        report = VALIDATOR.validate(api_params, operation_model.input_shape)
        if report.has_errors():
            raise ParamValidationError(report=report.generate_report())
        return {"asked": api_params, "headers": {}, "context": context}


class Status(NamedTuple):
    """The part that botocore reads of an HTTP response that is parsed already."""

    status_code: int


@contextmanager
def direct_tables() -> Iterator[None]:
    """Begin with no table; what was stored is forgotten at the end."""
    _tables.append(Tables())
    try:
        yield
    finally:
        _tables.pop()


def leave_out_http(base_classes: list[type], **_: Any) -> None:
    """Make the class of a client one that leaves out HTTP."""
    base_classes.insert(0, WithoutHttp)


def answer(model: Any, params: Any, **_: Any) -> tuple[Status, Any]:
    """A call's answer as botocore expects it from those who answer in place of a server."""
    try:
        status, answer = 200, _tables[-1].answer(model.name, params["asked"])
    except Refusal as refusal:
        error = {"Code": refusal.code, "Message": refusal.message}
        shape = model.service_model.shape_for_error_code(refusal.code)
        named = {} if shape is None else {each for each in shape.members if each.lower() == "message"}
        status, answer = 400, {"Error": error, **dict.fromkeys(named, refusal.message), **refusal.more}
    metadata = {"HTTPStatusCode": status, "HTTPHeaders": {}, "RetryAttempts": 0}
    return Status(status), {**answer, "ResponseMetadata": metadata}
