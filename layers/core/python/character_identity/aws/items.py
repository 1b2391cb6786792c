"""Models to DynamoDB items and back."""

import json
from decimal import Decimal
from typing import Any

from botocore.exceptions import ClientError
from pydantic import BaseModel


def to_item(model: BaseModel) -> dict[str, Any]:
    """A model as DynamoDB takes it: numbers as Decimal, times as ISO text."""
    item: dict[str, Any] = json.loads(model.model_dump_json(), parse_float=Decimal)
    return item


def to_value(value: Any) -> Any:
    """One attribute's value: floats, also inside, as Decimal."""
    return json.loads(json.dumps(value), parse_float=Decimal)


def is_condition_failure(error: ClientError) -> bool:
    """Whether a conditional write found another state than the one it leaves."""
    return bool(error.response["Error"]["Code"] == "ConditionalCheckFailedException")
