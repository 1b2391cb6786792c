"""What the document says of a parameter of the query holds: handlers refuse what it refuses."""

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from character_identity.api.route import Route
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


def refused_by(schema: Mapping[str, Any], text: str) -> bool:
    """Whether a text is none that a schema allows; a number in it is read as one."""
    is_number = schema["type"] == "integer" and text.lstrip("-").isdecimal()
    return bool(problems({**schema}, int(text) if is_number else text))


def cases() -> Iterator[Any]:
    for route in ROUTES:
        for query in route.parameters:
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


@pytest.mark.parametrize("name", ["endpoint_id", "Month", "limits", "x" * 5_000])
def test_a_parameter_that_is_misspelt_is_not_passed_over(api: Api, name: str) -> None:
    """An event for one webhook would be sent to all, and another month would be shown."""
    taking = [route for route in ROUTES if route.parameters and route.path.startswith("/v1/")]
    assert {"replay_event", "get_usage", "list_identities"} <= {route.function for route in taking}
    for route in taking:
        answer = api(
            route.function, route.method, route.path.replace("{identity_id}", "i1"), query={name: "i1"}
        )
        assert (answer.status, answer.body["code"]) == (400, "invalid_parameter")
        assert answer.body["details"][0]["field"][:99] == name[:99]
