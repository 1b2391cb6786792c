"""What the document says of a parameter of the query holds: handlers refuse what it refuses."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from character_identity.api.route import PAGE_PARAMETERS, Query, Route
from character_identity.api.routes.table import ROUTES
from tests.support.handlers import Api
from tests.support.openapi import problems

TRIED = (
    "",
    " ",
    "none of them",
    "..",
    "0",
    "-1",
    "101",
    "1e2",
    "2026-1",
    "2026-13",
    "1999-12",
    "2026-11-01",
    "a" * 401,
)
USUAL = {"action": "get_prompt", "tune_id": "i1", "prompt_id": "g1", "request_id": "i1"}


def queries(route: Route[Any]) -> list[Query]:
    return [*route.query, *(PAGE_PARAMETERS if route.is_paged else ())]


def refused_by(schema: Mapping[str, Any], text: str) -> bool:
    """Whether a text is none that a schema allows; a number in it is read as one."""
    is_number = schema["type"] == "integer" and text.lstrip("-").isdecimal()
    return bool(problems({**schema}, int(text) if is_number else text))


def cases() -> Iterator[Any]:
    for route in ROUTES:
        for query in queries(route):
            bad = [text for text in TRIED if refused_by(query.schema, text)]
            if query.name != "since":  # of a time the document says no form
                assert bad, f"{route.key} takes anything as {query.name}"
            yield pytest.param(route, query.name, bad, id=f"{route.key} {query.name}")


@pytest.mark.parametrize(("route", "name", "bad"), [*cases()])
def test_what_the_document_refuses_is_refused(api: Api, route: Route[Any], name: str, bad: list[str]) -> None:
    for text in bad:
        answer = api(
            route.function,
            route.method,
            route.path.replace("{identity_id}", "i1"),
            query={**(USUAL if route.for_typescript else {}), name: text},
            text="{}" if route.schema else None,
        )
        # A status of the TypeScript client says in a body of its own what is wrong.
        assert (answer.status == 200) == route.for_typescript, text
        assert answer.status < 500
        assert answer.body["code"]
