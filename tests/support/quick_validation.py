"""Whether a call's parameters fit their shape; what does not is for botocore, which says why.

botocore reads the shape anew for each value of each call: a third of a call that is answered in this process.
"""

from collections.abc import Callable
from functools import cache
from typing import Any

from botocore.model import Shape

Check = Callable[[Any], bool]
TEXT = {str}


@cache
def check_of(shape: Shape) -> Check:
    """Return what is True only of values that botocore finds nothing wrong with."""
    if shape.type_name not in _MAKERS or shape.metadata.get("union"):
        return lambda value: False
    return _MAKERS[shape.type_name](shape)


def _structure(shape: Shape) -> Check:
    members, required = shape.members, frozenset(shape.metadata.get("required", ()))
    checks: dict[str, Check] = {}

    def check(value: Any) -> bool:
        if not isinstance(value, dict) or (required and not required <= value.keys()):
            return False
        for name, part in value.items():
            fits = checks.get(name)
            if fits is None:
                if name not in members:
                    return False
                fits = checks[name] = check_of(members[name])
            if not fits(part):
                return False
        return True

    return check


def _list(shape: Shape) -> Check:
    member, least = shape.member, _least(shape)

    def check(value: Any) -> bool:
        if not isinstance(value, (list, tuple)) or len(value) < least:
            return False
        return all(map(check_of(member), value))

    return check


def _map(shape: Shape) -> Check:
    if shape.key.type_name != "string":
        return lambda value: False
    least = _least(shape.key)

    def check(value: Any) -> bool:
        if not isinstance(value, dict) or not TEXT.issuperset(map(type, value)):
            return False
        if least > 0 and any(len(name) < least for name in value):
            return False
        return all(map(check_of(shape.value), value.values()))

    return check


def _string(shape: Shape) -> Check:
    least = _least(shape)
    if least <= 0:
        return lambda value: isinstance(value, str)
    return lambda value: isinstance(value, str) and len(value) >= least


def _integer(shape: Shape) -> Check:
    least = _least(shape)
    return lambda value: isinstance(value, int) and value >= least


def _boolean(shape: Shape) -> Check:
    return lambda value: isinstance(value, bool)


def _blob(shape: Shape) -> Check:
    return lambda value: isinstance(value, (bytes, bytearray, str))


def _least(shape: Shape) -> float:
    """Return the least length or number; what becomes a part of a host's name has one character at least."""
    of_host = getattr(shape, "serialization", {}).get("hostLabel")
    return float(shape.metadata.get("min", 1 if of_host else "-inf"))


_MAKERS: dict[str, Callable[[Shape], Check]] = {
    "structure": _structure,
    "list": _list,
    "map": _map,
    "string": _string,
    "integer": _integer,
    "long": _integer,
    "boolean": _boolean,
    "blob": _blob,
}
