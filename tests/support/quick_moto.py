"""What moto does anew for each call, done once, and what it copies in case, copied when it is changed.

A call to a table takes half the time. Nothing of what moto answers changes by it:
tests/aws/test_direct_table.py makes the same calls to both.
"""

from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from copy import copy
from functools import cache
from typing import Any
from unittest.mock import patch

import moto.dynamodb.responses as responses
from moto import backend_index
from moto.core.base_backend import BaseBackend
from moto.dynamodb.exceptions import ItemSizeTooLarge
from moto.dynamodb.models import DynamoDBBackend
from moto.dynamodb.models.dynamo_type import DynamoType, Item, LimitedSizeDict
from moto.dynamodb.models.table import Table
from moto.dynamodb.parsing.ast_nodes import DepthFirstTraverser, Expression, Node, UpdateExpressionFunction
from moto.dynamodb.parsing.expressions import UpdateExpressionParser

SERVICES = {"account", "awslambda", "cloudwatch", "dynamodb", "events", "iam", "s3", "secretsmanager"}
SERVICES |= {"servicequotas", "sns", "sqs", "ssm", "stepfunctions", "sts"}
"""What we call. Moto looks for the service of each call among 180."""
PATTERNS = [(name, pattern) for name, pattern in backend_index.backend_url_patterns if name in SERVICES]
UPDATE_ITEM = DynamoDBBackend.update_item
QUERY = Table.query
SIZE = Item.size
LARGEST_BYTES = 405_000
"""Of a row, as moto has it: https://github.com/getmoto/moto/issues/1874."""
URLS = BaseBackend.urls.fget
VALUE = DynamoType.cast_value.fget
TO_DICT = responses.dynamo_to_dict
IS_A: Any = cache(issubclass)
"""Moto's nodes are of abstract classes, of which an instance is not told as fast."""
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
            (Node, "find_clauses", clauses_of),
            (DepthFirstTraverser, "traverse_node_recursively", traverse),
            (responses, "dynamo_to_dict", as_plain),
            (Table, "query", query),
            (DynamoType, "cast_value", property(value_of)),
            (Item, "__init__", fill),
            (Item, "size", size_of),
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


def clauses_of(node: Any, kinds: list[type]) -> list[Any]:
    """Return the clauses of some kinds, in their order."""
    clauses = []
    for child in node.children or ():
        kind = type(child)
        if kind in kinds:
            clauses.append(child)
        elif IS_A(kind, Expression) or IS_A(kind, UpdateExpressionFunction):
            clauses += clauses_of(child, kinds)
    return clauses


def traverse(traverser: Any, node: Any, child_id: int = -1) -> Any:
    """Process a node after its children; what becomes of it takes its place."""
    if not IS_A(type(node), Node):
        return node
    parent = node.parent
    for number, child in enumerate(node.children or ()):
        traverser.pre_processing_of_child(node, number)
        traverse(traverser, child, number)
    for kind, process in traverser._processing_map().items():
        if IS_A(type(node), kind):
            node = process(node)
            node.parent = parent
            if parent:
                parent.children[child_id] = node
            break
    return node


def as_plain(value: Any) -> Any:
    """Return an answer as what JSON has types for."""
    kind = type(value)
    if kind is str or kind is int or kind is bool or value is None:
        return value
    if kind is DynamoType and value.type not in ("B", "BS"):
        return {value.type: as_plain(value.value)}
    if kind is dict or kind is LimitedSizeDict:
        return {name: as_plain(part) for name, part in value.items()}
    if kind is list:
        return [as_plain(part) for part in value]
    return as_plain(value.to_json()) if kind is Item else TO_DICT(value)


def query(table: Any, hash_key: Any, *values: Any, **options: Any) -> Any:
    """Ask the rows under a key, of which moto makes its choice among all."""
    index_name, asked = values[6], table
    if index_name is None:
        asked = copy(table)
        asked.items = {hash_key: table.items.get(hash_key, {})}
    return QUERY(asked, hash_key, *values, **options)


def value_of(typed: Any) -> Any:
    """The value of a type, of which moto sees last whether it is text, which most are."""
    return typed.value if typed.type == "S" else VALUE(typed)


def fill(row: Any, hash_key: Any, range_key: Any, attrs: Any) -> None:
    """Make a row, and see then whether it is too large, which moto sees to with each attribute."""
    row.hash_key, row.range_key, row.attrs = hash_key, range_key, LimitedSizeDict()
    dict.update(row.attrs, {name: DynamoType(value) for name, value in attrs.items()})
    if row.size() > LARGEST_BYTES:
        raise ItemSizeTooLarge


def size_of(row: Any) -> int:
    """Count the bytes of a row once, until it changes."""
    if "counted" not in vars(row):
        row.counted = SIZE(row)
    counted: int = row.counted
    return counted


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
    try:
        return UPDATE_ITEM(backend, table_name, key, *values, **options)
    finally:
        if (changed := rows.get(range_key)) is not None:
            vars(changed).pop("counted", None)


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
