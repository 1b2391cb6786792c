"""Operation: what one method of one route takes and answers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from character_identity.api.openapi.codes import KEY
from character_identity.api.schemas import Body

Errors = Literal["ours", "of the TypeScript client"]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer to a call that went well: a model, another content type, or nothing."""

    description: str
    content: type[Body] | str | None = None
    located: bool = False  # says in Location where what was made is


@dataclass(frozen=True, kw_only=True)
class Query:
    """A parameter of the query, with its JSON schema."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One method of one route. ``codes`` are of its errors, but for those that follow from the rest."""

    name: str  # that of its function, of which two may share one
    route: str  # "GET /v1/providers"
    tag: str
    summary: str
    description: str = ""
    request: type[BaseModel] | Mapping[str, Any] | None = None  # the body: a model or a JSON schema
    example: Mapping[str, Any] | None = None  # of the body
    query: Sequence[Query] = ()
    answers: Mapping[int, Answer]
    codes: Sequence[str] = ()
    errors: Errors = "ours"  # their form
    is_open: bool = False  # takes no token
    is_keyed: bool = False  # takes an Idempotency-Key
    is_limited: bool = False  # only so often in a minute
    accepts_prefer_wait: bool = False  # takes Prefer: wait=N

    @property
    def method(self) -> str:
        return self.route.split(" ")[0]

    @property
    def path(self) -> str:
        return self.route.split(" ")[1]

    @property
    def all_codes(self) -> list[str]:
        """Every code that an error may have."""
        further = (*(KEY if self.is_keyed else ()), *(("too_many_requests",) if self.is_limited else ()))
        return sorted({*self.codes, *further, "internal_error"})
