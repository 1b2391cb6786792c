"""An id that is none of ours is unknown; it never reaches AWS, which refuses some."""

import re
from typing import Any

import boto3
import pytest

from character_identity.api.routes.table import ROUTES
from tests.support.handlers import Api
from tests.support.memory_tables import Tables

IDS = {
    "129 letters": "a" * 129,
    "2,040 letters": "a" * 2040,
    "number sign": "a#b",
    "accent": "Zo\u00eb",
    "space": "a b",
    "dots": "..",
    "nul": "\0",
}
NAMED = [route for route in ROUTES if "_id}" in route.path]


@pytest.mark.parametrize("identifier", IDS.values(), ids=IDS)
@pytest.mark.parametrize("route", NAMED, ids=lambda route: route.key)
def test_it_is_unknown_without_a_read(
    api: Api, route: Any, identifier: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    boto3.client("secretsmanager").create_secret(Name="ASTRIA", SecretString="a key")
    monkeypatch.setenv("ASTRIA_SECRET_NAME", "ASTRIA")
    asked: list[str] = []
    answer_of = Tables.answer

    def answered(tables: Tables, operation: str, request: Any) -> Any:
        asked.append(repr(request))
        return answer_of(tables, operation, request)

    monkeypatch.setattr(Tables, "answer", answered)
    path = re.sub(r"\{\w+_id\}", lambda found: identifier, route.path)
    answer = api(route.function, route.method, path, route.example)
    # The TypeScript client's door tells it in a body of its own, except for orders.
    in_body = route.for_typescript and route.method == "GET"
    assert (answer.status, answer.body["code"].partition("_")[0]) == (200 if in_body else 404, "unknown")
    assert [request for request in asked if repr(identifier)[1:-1] in request] == []
