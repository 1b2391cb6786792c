"""What moto does anew for each call, done once, and what it copies in case, copied when it is changed.

Nothing of what moto answers changes by it: tests/aws/test_direct_table.py makes the same calls to both.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from functools import cache
from typing import Any
from unittest.mock import patch

from moto import backend_index
from moto.core.base_backend import BaseBackend
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.ast_nodes import Node
from moto.dynamodb.parsing.expressions import UpdateExpressionParser

SERVICES = {"account", "awslambda", "cloudwatch", "dynamodb", "events", "iam", "s3", "secretsmanager"}
SERVICES |= {"servicequotas", "sns", "sqs", "ssm", "stepfunctions", "sts"}
"""What we call. Moto looks for the service of each call among 180."""
PATTERNS = [(name, pattern) for name, pattern in backend_index.backend_url_patterns if name in SERVICES]
UPDATE_ITEM = DynamoDBBackend.update_item
URLS = BaseBackend.urls.fget
PARSED = cache(UpdateExpressionParser.make)

_urls: dict[type, Any] = {}


@contextmanager
def quick_moto() -> Iterator[None]:
    """Have moto lose no time."""
    with ExitStack() as stack:
        for target, name, replacement in (
            (backend_index, "backend_url_patterns", PATTERNS),
            (BaseBackend, "urls", property(urls_of)),
            (UpdateExpressionParser, "make", PARSED),
            (Node, "__deepcopy__", node_like),
            (Item, "__deepcopy__", row_like),
            (Table, "__deepcopy__", table_like),
            (DynamoDBBackend, "update_item", update_item),
        ):
            stack.enter_context(patch.object(target, name, replacement, create=True))
        yield


def urls_of(backend: Any) -> Any:
    """Return who answers which address; for S3 moto loads a module to find out."""
    kind = type(backend)
    if kind not in _urls:
        _urls[kind] = URLS(backend)
    return _urls[kind]


def node_like(node: Any, _: Any = None) -> Any:
    """Copy a part of an expression that was parsed, as moto does before it puts values into it."""
    twin = object.__new__(type(node))
    twin.__dict__.update(node.__dict__)
    if node.children is not None:
        twin.children = [node_like(child) if isinstance(child, Node) else child for child in node.children]
        for child in twin.children:
            if isinstance(child, Node):
                child.parent = twin
    return twin


def row_like(row: Any, _: Any = None) -> Any:
    """Copy a row, but share its values: ``update_item`` changes none that is stored."""
    twin = Item.__new__(Item)
    twin.hash_key, twin.range_key, twin.attrs = row.hash_key, row.range_key, LimitedSizeDict()
    dict.update(twin.attrs, row.attrs)
    return twin


def table_like(table: Any, _: Any = None) -> Any:
    """Keep the rows that a table has, as moto does for each item of a transaction, lest one is refused."""
    twin = copy(table)
    twin.items = defaultdict(dict, {key: dict(rows) for key, rows in table.items.items()})
    return twin


def update_item(backend: Any, table_name: str, key: Any, *values: Any, **options: Any) -> Any:
    """Put a copy of the row in its place, which moto then changes."""
    table = backend.get_table(table_name)
    rows, range_key = table.items[DynamoType(key["pk"])], DynamoType(key["sk"])
    if range_key in rows:
        row = rows[range_key] = row_like(rows[range_key])
        dict.update(row.attrs, {name: _value_like(value) for name, value in row.attrs.items()})
    return UPDATE_ITEM(backend, table_name, key, *values, **options)


def _value_like(value: Any) -> Any:
    """Copy what can be changed: a map, a list, a set."""
    if not isinstance(value, DynamoType) or not isinstance(value.value, list | dict):
        return value
    twin = DynamoType.__new__(DynamoType)
    twin.type = value.type
    if isinstance(value.value, dict):
        twin.value = {name: _value_like(part) for name, part in value.value.items()}
    else:
        twin.value = [_value_like(part) for part in value.value]
    return twin
