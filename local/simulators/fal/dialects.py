"""The same problem of an input in the words of models that were not migrated: Pydantic 1 and 2."""

from collections.abc import Callable
from typing import Literal

from local.simulators.fal.errors import Json

Dialect = Literal["fal", "pydantic-1", "pydantic-2"]
Words = Callable[[Json], tuple[str, str, Json | None]]


def in_dialect(detail: list[Json], dialect: Dialect) -> list[Json] | str:
    """The ``detail`` of a refused input; what no schema can refuse is worded by fal's own code."""
    if dialect == "pydantic-1":
        if detail[0]["type"] == "image_load_error":
            return f"Could not load image from url: {detail[0]['input']}"
        return [_pydantic_1(item) for item in detail]
    return [_pydantic_2(item) for item in detail] if dialect == "pydantic-2" else detail


def _pydantic_1(item: Json) -> Json:
    if item["type"] not in PYDANTIC_1:
        return item
    kind, message, ctx = PYDANTIC_1[item["type"]](item)
    return {"loc": item["loc"], "msg": message, "type": kind} | ({} if ctx is None else {"ctx": ctx})


def _pydantic_2(item: Json) -> Json:
    if item["type"] not in PYDANTIC_1:
        return item
    kind, message, ctx = item["type"], item["msg"], item.get("ctx")
    if kind == "one_of":
        expected = _alternatives(item)
        kind, message, ctx = "literal_error", f"Input should be {expected}", {"expected": expected}
    described = {"type": kind, "loc": item["loc"], "msg": message, "input": item["input"]}
    return described if ctx is None else {**described, "ctx": ctx}


def _alternatives(item: Json) -> str:
    *most, last = [repr(value) for value in item["ctx"]["expected"]]
    return f"{', '.join(most)} or {last}" if most else last


def _plain(kind: str, message: str) -> Words:
    return lambda item: (kind, message, None)


def _bound(kind: str, name: str, words: str) -> Words:
    def described(item: Json) -> tuple[str, str, Json]:
        limit = item["ctx"][name]
        return f"value_error.number.{kind}", f"ensure this value is {words} {limit}", {"limit_value": limit}

    return described


def _one_of(item: Json) -> tuple[str, str, Json]:
    permitted = item["ctx"]["expected"]
    words = ", ".join(repr(value) for value in permitted)
    ctx = {"given": item["input"], "permitted": permitted}
    return "value_error.const", f"unexpected value; permitted: {words}", ctx


PYDANTIC_1: dict[str, Words] = {
    "missing": _plain("value_error.missing", "field required"),
    "extra_forbidden": _plain("value_error.extra", "extra fields not permitted"),
    "string_type": _plain("type_error.str", "str type expected"),
    "int_type": _plain("type_error.integer", "value is not a valid integer"),
    "float_type": _plain("type_error.float", "value is not a valid float"),
    "bool_type": _plain("type_error.bool", "value could not be parsed to a boolean"),
    "list_type": _plain("type_error.list", "value is not a valid list"),
    "dict_type": _plain("type_error.dict", "value is not a valid dict"),
    "greater_than": _bound("not_gt", "gt", "greater than"),
    "greater_than_equal": _bound("not_ge", "ge", "greater than or equal to"),
    "less_than_equal": _bound("not_le", "le", "less than or equal to"),
    "one_of": _one_of,
}
"""From fal's type of a problem to Pydantic 1's type, message and context."""
