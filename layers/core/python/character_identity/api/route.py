"""Route: what one method of one path takes and answers. Plain data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal

from pydantic import BaseModel
from typing_extensions import TypeVar

from character_identity.api.cursor import LONGEST_CURSOR
from character_identity.domain.errors import ErrorCode, RequestKind
from character_identity.domain.ids import ID_PATTERN
from character_identity.domain.page import MOST_ENTRIES, USUAL_ENTRIES

Content = TypeVar("Content", default=None)
"""What the body of a request is parsed to: a model, None where there is no body, or any JSON."""
KEY_CODES: tuple[ErrorCode, ...] = (
    "invalid_idempotency_key",
    "request_in_flight",
    "idempotency_key_reused",
    "conflict",
)
"""What can be wrong with an Idempotency-Key."""
EXAMPLE_ID = "0123456789abcdef0123456789abcdef"
AN_ID: Mapping[str, Any] = {"type": "string", "pattern": f"^{ID_PATTERN}$"}
"""The JSON schema of an id. One of another form is unknown, as any that nobody has."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer to a call that went well: a model, another content type, or nothing."""

    description: str
    content: type[BaseModel] | str | None = None
    example: Any = field(default_factory=dict)  # of the content; of a model, what differs in its properties'
    located: bool = False  # says in Location where what was made is


@dataclass(frozen=True, kw_only=True)
class Query:
    """A parameter of the query, with its JSON schema."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    required: bool = False


PAGE_PARAMETERS = (
    Query(
        name="limit",
        description="The most entries that a page has; it may have fewer",
        schema={"type": "integer", "minimum": 1, "maximum": MOST_ENTRIES, "default": USUAL_ENTRIES},
    ),
    Query(
        name="cursor",
        description="The nextCursor of the page before, with the same filters; the first page takes none",
        schema={"type": "string", "pattern": f"^[A-Za-z0-9_-]{{1,{LONGEST_CURSOR}}}$"},
    ),
)
"""What every list takes."""
SINCE = Query(
    name="since",
    description="A time, or a day of UTC: only what was created then or later",
    schema={"type": "string", "examples": ["2026-11-22T12:00:00Z", "2026-11-22"]},
)


def filter_by(name: str, allowed: Sequence[str]) -> Query:
    """The filter of a list by what entries say under that name."""
    return Query(
        name=name,
        description=f"Only entries of this {name}",
        schema={"type": "string", "enum": [*allowed]},
    )


@dataclass(frozen=True, kw_only=True)
class Route(Generic[Content]):
    """One method of one path. ``codes`` are of its errors, but for those that follow from the rest."""

    method: Literal["GET", "POST", "PATCH", "DELETE"]
    path: str  # "/v1/identities/{identity_id}"
    function: str  # the folder of its handler
    operation: str = ""  # its name in the document, where two routes share a function
    tag: str
    summary: str
    description: str
    request: type[Content] | None = None  # the model of its body
    schema: Mapping[str, Any] | None = None  # of its body, where there is no model
    example: Mapping[str, Any] | None = None  # of its body
    query: Sequence[Query] = ()  # of a list: its filters
    answers: Mapping[int, Answer]
    codes: Sequence[ErrorCode] = ()
    for_typescript: bool = False  # errors have the form that the TypeScript client reads
    is_open: bool = False  # takes no token
    is_keyed: bool = False  # takes an Idempotency-Key
    is_static: bool = False  # answers everybody the same, so nobody counts its calls
    accepts_prefer_wait: bool = False  # takes Prefer: wait=N
    is_conditional: bool = False  # answers with an ETag, and 304 to who has that
    is_paged: bool = False  # answers a list page by page, newest first

    @property
    def key(self) -> str:
        """As in ``GET /v1/providers``."""
        return f"{self.method} {self.path}"

    @property
    def counted_as(self) -> RequestKind | None:
        """Return what its calls are counted as, of which an owner has so many in a minute."""
        if self.is_open or self.is_static:
            return None
        return "reads" if self.method == "GET" else "orders"

    @property
    def parameters(self) -> Sequence[Query]:
        """Return the parameters of its query."""
        return (*self.query, *PAGE_PARAMETERS) if self.is_paged else self.query

    @property
    def checks_parameters(self) -> bool:
        """Return True if a parameter that it does not know is refused: not where others' programs call."""
        return bool(self.parameters) and not (self.for_typescript or self.is_open)

    @property
    def is_paid(self) -> bool:
        """Return True if it orders what costs money."""
        return "budget_exceeded" in self.codes

    @property
    def all_codes(self) -> list[ErrorCode]:
        """Every code that an error may have; the last two are what a wrong method or path is answered."""
        implied: list[ErrorCode] = ["internal_error", "method_not_allowed", "unknown_route"]
        if self.request or self.schema:
            implied += ["malformed_body"] if self.is_open else ["malformed_json"]
            if not self.for_typescript:
                implied.append("body_too_large")
        if self.request:
            implied.append("invalid_body")
        if self.is_keyed:
            implied += KEY_CODES
        if self.is_paid:
            implied += ["anonymous_caller", "service_budget_exceeded"]
        if self.counted_as:
            implied.append("too_many_requests")
        if self.checks_parameters:
            implied.append("invalid_parameter")
        if self.is_paged:
            implied.append("invalid_cursor")
        return sorted({*self.codes, *implied})
