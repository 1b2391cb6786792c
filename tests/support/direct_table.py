"""moto's DynamoDB without HTTP in between, which takes two thirds of its time."""

import json
from base64 import b64encode
from typing import Any, NamedTuple

from botocore.parsers import create_parser
from moto.core import DEFAULT_ACCOUNT_ID
from moto.core.exceptions import JsonRESTError
from moto.core.utils import camelcase_to_underscores
from moto.dynamodb.responses import DynamoHandler

PARSER = create_parser("json")
OF_ITEMS = {"GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan"}
OF_ITEMS |= {"BatchGetItem", "BatchWriteItem", "TransactGetItems", "TransactWriteItems"}
BINARY = '"B"'


class WithoutHttp:
    """What a client leaves out whose calls are answered here: where they go, and who signs them."""

    _serializer: Any

    def _resolve_endpoint_ruleset(self, *_: Any) -> tuple[str, dict[str, str], dict[str, Any]]:
        return "", {}, {}

    def _convert_to_request_dict(
        self, api_params: Any, operation_model: Any, context: Any, **_: Any
    ) -> dict[str, Any]:
        return {**self._serializer.serialize_to_request(api_params, operation_model), "context": context}


def leave_out_http(base_classes: list[type], **_: Any) -> None:
    """Make the class of a client one that leaves out HTTP."""
    base_classes.insert(0, WithoutHttp)


class Status(NamedTuple):
    """The part that botocore reads of an HTTP response that is parsed already."""

    status_code: int


class Handler(DynamoHandler):  # type: ignore[misc]
    """Knows the account and the region without a request."""

    current_account = DEFAULT_ACCOUNT_ID
    region = "eu-west-1"

    def __init__(self, parameters: Any) -> None:
        super().__init__()
        self.body = self.params = parameters


def answer(model: Any, params: Any, **_: Any) -> tuple[Status, Any]:
    """A call's answer as botocore expects it from those who answer in place of a server."""
    handler = Handler(json.loads(params["body"]))
    try:
        result = getattr(handler, camelcase_to_underscores(model.name))().result
        return Status(200), _parsed(json.dumps(result, default=_plain), model)
    except JsonRESTError as error:
        reply = {"status_code": error.code, "headers": {}, "body": error.get_body().encode()}
        parsed = PARSER.parse(reply, model.output_shape)
        shape = model.service_model.shape_for_error_code(parsed["Error"]["Code"])
        return Status(error.code), {**parsed, **({} if shape is None else PARSER.parse(reply, shape))}


def _parsed(text: str, model: Any) -> Any:
    """Parse an answer as botocore does; where JSON has a type for all of it, there is nothing left to do."""
    if model.name in OF_ITEMS and BINARY not in text:
        answer, members = json.loads(text), model.output_shape.members
        known = {name: value for name, value in answer.items() if name in members and value is not None}
        return {**known, "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}, "RetryAttempts": 0}}
    reply = {"status_code": 200, "headers": {}, "body": text.encode()}
    return PARSER.parse(reply, model.output_shape)


def _plain(value: Any) -> str:
    """Return as JSON what it has no type for: bytes and times."""
    return b64encode(value).decode() if isinstance(value, bytes) else str(value)
