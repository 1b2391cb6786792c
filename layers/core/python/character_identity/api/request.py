"""Request: one call of the HTTP API, read by what the table says of its route."""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Generic, NoReturn, TypeVar, cast

from pydantic import BaseModel, ValidationError

from character_identity.api.preferences import Preference, preferences
from character_identity.api.route import Content, Route
from character_identity.domain import strict_json
from character_identity.domain.errors import BodyTooLarge, InvalidRequest, Quota
from character_identity.domain.identity import CLASS_NAME_PATTERN
from character_identity.domain.ids import ID_PATTERN
from character_identity.domain.text import shortened

Model = TypeVar("Model", bound=BaseModel)

SECONDS = re.compile(r"[0-9]{1,9}")
LONGEST_WAIT_S = 20
"""API Gateway cuts at 30 s, of which some go by before and after the wait."""
MAX_BODY_BYTES = 1024 * 1024
"""Several times the longest texts and a hundred links, and all that a provider says of a job of ours."""
MOST_FIELDS = 20
"""Of a body that is not valid, so many are named."""
LONGEST_FIELD = 100
HEAVY = 5
"""Reads that a list or an answer that is held back counts as: it keeps the table or a function for longer."""
LONGEST_IF_NONE_MATCH = 1_000
"""Characters; more are not looked at."""
SHAPES: Mapping[str, str] = {
    r"\w": "has a letter or a digit",
    CLASS_NAME_PATTERN: "has 1 to 40 letters from a to z, digits and blanks",
    r"^[a-z0-9]+(-[a-z0-9]+)*$": "has small letters from a to z and digits, parted by single hyphens",
    f"^{ID_PATTERN}$": "is an id as the API gives them",
}
"""What the patterns of texts mean, for people."""
IDEMPOTENCY_KEY = re.compile("[!-~]{1,255}")


class Request(Generic[Content]):
    """``event`` is API Gateway's, in its payload format 2.0: header names are in lower case."""

    def __init__(self, route: Route[Content], event: Mapping[str, Any]) -> None:
        self.route = route
        self._event = event
        self._context = event["requestContext"]
        self.is_held = True  # as long as the caller prefers; or never
        self.quota: Quota | None = None  # what is left of its owner's minute, once it was counted

    @property
    def owner(self) -> str:
        """Return who is calling: the token's ``sub``, which the authorizer has verified."""
        return str(self._context["authorizer"]["lambda"]["owner"])

    @property
    def may_order(self) -> bool:
        """Return True if the caller may order what costs money: an authorizer that knows why not says so."""
        return self._context["authorizer"]["lambda"].get("mayOrder", True) is not False

    @property
    def headers(self) -> Mapping[str, str]:
        return self._event.get("headers") or {}

    @cached_property
    def body(self) -> Content:
        """The body as the route's model, or as any JSON where it names none.

        Raises:
            InvalidRequest: it is not JSON, or not of that shape; ``details`` names the fields.
            BodyTooLarge: as ``raw_body``.
        """
        model = self.route.request
        return cast(Content, self._json if model is None else parse(cast(type[BaseModel], model), self._json))

    @property
    def raw_body(self) -> bytes:
        """The body as it was sent, byte by byte.

        Raises:
            BodyTooLarge: it has more bytes than any of the route's; but for the TypeScript client, which
                sends pictures in its bodies.
            InvalidRequest: it is said to be in Base64, and is not.
        """
        body = self._event.get("body") or ""
        try:
            is_packed = self._event.get("isBase64Encoded")
            content = base64.b64decode(body, validate=True) if is_packed else body.encode(errors="replace")
        except ValueError as exc:
            raise InvalidRequest("The body is not Base64.", code="malformed_body") from exc
        if len(content) > MAX_BODY_BYTES and not self.route.for_typescript:
            raise BodyTooLarge(MAX_BODY_BYTES)
        return content

    @property
    def path_parameters(self) -> Mapping[str, str]:
        """The parts of the path that the route names."""
        return self._event.get("pathParameters") or {}

    def path(self, name: str) -> str:
        """A part of the path that the route names."""
        return self.path_parameters[name]

    @property
    def query_parameters(self) -> Mapping[str, str]:
        """The parameters of the query."""
        return self._event.get("queryStringParameters") or {}

    def query(self, name: str) -> str | None:
        """A parameter of the query, if it is there."""
        return self.query_parameters.get(name)

    def check_query(self) -> None:
        """Refuse a parameter that the route does not know: one that is misspelt would be passed over.

        Raises:
            InvalidRequest: there is one.
        """
        known = [parameter.name for parameter in self.route.parameters]
        for name in self.query_parameters:
            if name not in known:
                refuse_parameter(
                    shortened(name, LONGEST_FIELD), f"is not known; there are {', '.join(known)}"
                )

    def required_query(self, name: str) -> str:
        """A parameter of the query.

        Raises:
            InvalidRequest: it is not there.
        """
        value = self.query(name)
        if not value:
            raise InvalidRequest(f"The parameter {name} is missing.", code="missing_parameter")
        return value

    @property
    def preferred_wait_s(self) -> float | None:
        """Return how long the caller would wait, as in ``Prefer: wait=5``; None if it does not say."""
        if not self.is_held:
            return 0
        return None if self._wait is None else float(self._wait.value)

    @property
    def granted_wait_s(self) -> int | None:
        """Return how long the answer may be held back, as the caller prefers; None if it does not say."""
        wait_s = self.preferred_wait_s
        return None if wait_s is None else min(int(wait_s), LONGEST_WAIT_S)

    @property
    def waits_for_scores(self) -> bool:
        """Return True if the caller would wait for scores too, as in ``Prefer: wait=20; until=scored``."""
        return self._wait is not None and self._wait.parameters.get("until", "").lower() == "scored"

    @cached_property
    def _wait(self) -> Preference | None:
        """The preference of RFC 7240, section 4.3, unless it does not say how many seconds."""
        wait = preferences(self.headers.get("prefer") or "").get("wait")
        return wait if wait is not None and SECONDS.fullmatch(wait.value) else None

    @property
    def weight(self) -> int:
        """As how many reads it counts, where it is one; anything else counts as one order."""
        if self.route.counted_as != "reads":
            return 1
        # A status that the TypeScript client asks for is held back unless the caller prefers otherwise.
        is_held = self.route.accepts_prefer_wait and (self.preferred_wait_s or 0) > 0
        is_held_unasked = self.route.for_typescript and self.preferred_wait_s is None
        return HEAVY if self.route.is_paged or is_held or is_held_unasked else 1

    @property
    def idempotency_key(self) -> str | None:
        """The caller's name for its order, as it stands in the header, quotes and all; None if it gave none.

        Raises:
            InvalidRequest: it is not 1 to 255 visible ASCII characters.
        """
        key = self.headers.get("idempotency-key")
        if key is not None and not IDEMPOTENCY_KEY.fullmatch(key):
            raise InvalidRequest(
                "An Idempotency-Key has 1 to 255 visible ASCII characters.", code="invalid_idempotency_key"
            )
        return key

    def has(self, etag: str) -> bool:
        """Return True if the caller has the answer of that tag (``If-None-Match``, RFC 9110, 13.1.2)."""
        asked = self.headers.get("if-none-match", "")[:LONGEST_IF_NONE_MATCH]
        known = (each.strip().removeprefix("W/") for each in asked.split(","))
        return any(each in ("*", etag.removeprefix("W/")) for each in known)

    @property
    def digest(self) -> str:
        """A digest of method, path and JSON body; how the JSON is laid out does not count.

        Raises:
            InvalidRequest: the body is not JSON.
        """
        request = [self.route.method, self._event["rawPath"], self._json]
        return hashlib.sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()

    @cached_property
    def _json(self) -> Any:
        try:
            return strict_json.read(self.raw_body, _number)
        except (ValueError, InvalidRequest) as exc:
            why = str(exc).partition("; use sys.")[0].rstrip(".")  # what follows is for whoever runs it
            raise InvalidRequest(f"The body cannot be read as JSON: {why}.", code="malformed_json") from exc


def _number(text: str) -> float:
    """A number, which is a whole one however it is written: to most readers 3.0 and 3 are the same.

    Up to where they can tell whole numbers apart (RFC 8259, section 6).
    """
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def refuse_parameter(name: str, why: str) -> NoReturn:
    """Raise what is wrong with a parameter of the query."""
    details = [{"field": name, "message": why}]
    raise InvalidRequest(f"The parameter {name} {why}.", code="invalid_parameter", details=details)


def parse(model: type[Model], content: Any) -> Model:
    """JSON as a model.

    Raises:
        InvalidRequest: it is not of that shape; ``details`` names the fields, the first of very many.
    """
    try:
        return model.model_validate(content)
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_input=False)
        fields = [
            {
                "field": shortened(".".join(str(part) for part in error["loc"]), LONGEST_FIELD),
                "message": shortened(SHAPES.get(error.get("ctx", {}).get("pattern", ""), error["msg"])),
            }
            for error in errors[:MOST_FIELDS]
        ]
        names = ", ".join(field["field"] or "body" for field in fields)
        if len(errors) > len(fields):
            names += f" and {len(errors) - len(fields)} more"
        raise InvalidRequest(f"Not valid: {names}.", code="invalid_body", details=fields) from exc
