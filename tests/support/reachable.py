"""How many objects something keeps alive: what grows with the work is what nobody let go of."""

import gc
import sys
from collections import Counter
from functools import _lru_cache_wrapper
from types import CodeType, FrameType, FunctionType, ModuleType
from typing import Any
from weakref import ReferenceType

DEFINITIONS = (ModuleType, type, CodeType, FrameType, ReferenceType)
"""They come with the code and not with the work, or keep nothing alive."""


def reachable(*roots: Any) -> Counter[str]:
    """Count the objects that roots lead to, by type; not those that definitions and bounded caches do."""
    seen: dict[int, Any] = {}
    todo = [*roots]
    while todo:
        each = todo.pop()
        if id(each) in seen or isinstance(each, DEFINITIONS) or _is_bounded(each):
            continue
        seen[id(each)] = each
        if isinstance(each, FunctionType):  # what it works with, without the module that it is in
            todo += [each.__closure__, each.__defaults__, each.__dict__]
        else:
            todo += gc.get_referents(each)
    return Counter(type(each).__name__ for each in seen.values())


def module_state(*prefixes: str) -> list[Any]:
    """What lies in modules whose names begin like that."""
    return [
        value
        for name, module in [*sys.modules.items()]
        if name.startswith(prefixes)
        for value in vars(module).values()
    ]


def _is_bounded(each: Any) -> bool:
    return isinstance(each, _lru_cache_wrapper) and each.cache_parameters()["maxsize"] is not None
