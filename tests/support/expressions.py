"""DynamoDB's expressions as far as ours go, each parsed once; one that is not known here is an error.

How they are written, https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.html, read
2026-11-29. What they mean is held against moto: tests/aws/test_memory_tables.py.
"""

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any, NamedTuple

from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

Row = dict[str, Any]
"""Attributes by name, each as DynamoDB has it: ``{"S": "..."}``."""
Bound = Mapping[str, Any]
"""What placeholders stand for: ``#name`` for an attribute's name, ``:name`` for a value."""
Condition = Callable[[Row, Bound], bool]
Operand = Callable[[Row, Bound], Any]
"""An attribute or a value; None where the row has no such attribute."""

TOKEN = re.compile(r"\s*(<>|<=|>=|[=<>(),]|[#:]?\w+)")
RESERVED = frozenset(ReservedKeywords.get_reserved_keywords())
ORDERED = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
CLAUSES = ("SET", "REMOVE", "ADD")


class Unknown(Exception):
    """An expression, or a part of one, that is not known here: add it, and hold it against moto."""


class Reserved(Exception):
    """A word that is not to be the name of an attribute, unless as what a ``#name`` stands for."""


class Change(NamedTuple):
    """What becomes of an attribute; ``value`` is the placeholder of what it is set to or what is added."""

    clause: str
    attribute: str
    value: str


@cache
def condition_of(text: str) -> Condition:
    """Return what tells whether a condition is met by a row, which may be empty."""
    tokens = _Tokens(text)
    condition = _either(tokens)
    tokens.expect("")
    return condition


@cache
def changes_of(text: str) -> tuple[Change, ...]:
    """Return the changes of an update; attributes and values as they are named in it."""
    tokens, changes = _Tokens(text), []
    while tokens.next:
        clause = tokens.take()
        if clause not in CLAUSES:
            raise Unknown(text)
        while True:
            attribute = tokens.take_name()
            if clause == "SET":
                tokens.expect("=")
            changes.append(Change(clause, attribute, "" if clause == "REMOVE" else tokens.take_value()))
            if tokens.next != ",":
                break
            tokens.take()
    if not changes:
        raise Unknown(text)
    return tuple(changes)


@cache
def names_of(text: str) -> tuple[str, ...]:
    """Return the attributes of a projection, as they are named in it."""
    return tuple(_Tokens(each).take_name() for each in text.split(","))


@cache
def placeholders_of(text: str) -> frozenset[str]:
    """Return the names and values that an expression asks for."""
    return frozenset(re.findall(r"[#:]\w+", text))


def number(attribute: Any) -> int | Decimal:
    """Return the number that an attribute is."""
    text = attribute["N"]
    return int(text) if text.lstrip("-").isdigit() else Decimal(text)


class _Tokens:
    """The words and signs of an expression, of which ``next`` is the next one, empty at the end."""

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self._end = 0
        self.next = ""
        self.take()

    def take(self) -> str:
        taken = self.next
        if self._end == len(self.text):
            self.next = ""
        elif found := TOKEN.match(self.text, self._end):
            self.next, self._end = found[1], found.end()
        else:
            raise Unknown(self.text)
        return taken

    def expect(self, what: str) -> None:
        if self.take() != what:
            raise Unknown(self.text)

    def take_name(self) -> str:
        name = self.take()
        if not re.fullmatch(r"#?\w+", name) or name == "NOT" or self.next == "(":
            raise Unknown(self.text)
        if name.upper() in RESERVED:
            raise Reserved(name)
        return name

    def take_value(self) -> str:
        value = self.take()
        if not re.fullmatch(r":\w+", value):
            raise Unknown(self.text)
        return value


def _either(tokens: _Tokens) -> Condition:
    parts = [_all(tokens)]
    while tokens.next == "OR":
        tokens.take()
        parts.append(_all(tokens))
    return parts[0] if len(parts) == 1 else lambda row, bound: any(each(row, bound) for each in parts)


def _all(tokens: _Tokens) -> Condition:
    parts = [_one(tokens)]
    while tokens.next == "AND":
        tokens.take()
        parts.append(_one(tokens))
    return parts[0] if len(parts) == 1 else lambda row, bound: all(each(row, bound) for each in parts)


def _one(tokens: _Tokens) -> Condition:
    if tokens.next == "(":
        tokens.take()
        condition = _either(tokens)
        tokens.expect(")")
        return condition
    if function := FUNCTIONS.get(tokens.next):
        tokens.take()
        tokens.expect("(")
        condition = function(tokens)
        tokens.expect(")")
        return condition
    return _comparison(tokens)


def _exists(tokens: _Tokens) -> Condition:
    attribute = _operand(tokens)
    return lambda row, bound: attribute(row, bound) is not None


def _exists_not(tokens: _Tokens) -> Condition:
    attribute = _operand(tokens)
    return lambda row, bound: attribute(row, bound) is None


def _is_of_type(tokens: _Tokens) -> Condition:
    attribute, kind = _two(tokens)
    return lambda row, bound: kind(row, bound)["S"] in (attribute(row, bound) or {})


def _begins(tokens: _Tokens) -> Condition:
    attribute, start = _two(tokens)
    return lambda row, bound: (
        (attribute(row, bound) or {}).get("S", "").startswith(start(row, bound)["S"])
        and "S" in attribute(row, bound)
    )


FUNCTIONS = {
    "attribute_exists": _exists,
    "attribute_not_exists": _exists_not,
    "attribute_type": _is_of_type,
    "begins_with": _begins,
}


def _two(tokens: _Tokens) -> tuple[Operand, Operand]:
    first = _operand(tokens)
    tokens.expect(",")
    return first, _operand(tokens)


def _comparison(tokens: _Tokens) -> Condition:
    left, sign = _operand(tokens), tokens.take()
    if sign == "BETWEEN":
        low = _operand(tokens)
        tokens.expect("AND")
        high = _operand(tokens)
        return lambda row, bound: (
            _in_order(operator.le, low(row, bound), left(row, bound))
            and _in_order(operator.le, left(row, bound), high(row, bound))
        )
    if sign == "IN":
        tokens.expect("(")
        options = [_operand(tokens)]
        while tokens.next == ",":
            tokens.take()
            options.append(_operand(tokens))
        tokens.expect(")")
        return lambda row, bound: any(_equal(left(row, bound), each(row, bound)) for each in options)
    right = _operand(tokens)
    if sign == "=":
        return lambda row, bound: _equal(left(row, bound), right(row, bound))
    if sign == "<>":
        return lambda row, bound: not _equal(left(row, bound), right(row, bound))
    if sign not in ORDERED:
        raise Unknown(tokens.text)
    return lambda row, bound: _in_order(ORDERED[sign], left(row, bound), right(row, bound))


def _operand(tokens: _Tokens) -> Operand:
    if tokens.next.startswith(":"):
        value = tokens.take_value()
        return lambda row, bound: bound[value]
    name = tokens.take_name()
    if name.startswith("#"):
        return lambda row, bound: row.get(bound[name])
    return lambda row, bound: row.get(name)


def _equal(one: Any, other: Any) -> bool:
    if one is None or other is None:
        return False
    if "N" in one and "N" in other:
        return number(one) == number(other)
    return bool(one == other)


def _in_order(ordered: Callable[[Any, Any], bool], one: Any, other: Any) -> bool:
    """Compare two numbers, or two texts, whose order is that of their bytes in UTF-8: Python's as well."""
    if one is None or other is None:
        return False
    if "N" in one and "N" in other:
        return ordered(number(one), number(other))
    return "S" in one and "S" in other and ordered(one["S"], other["S"])
