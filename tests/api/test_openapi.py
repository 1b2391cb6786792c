"""The table of routes and the document that is made of it, against the standard and against each other."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from jsonschema import Draft202012Validator

from character_identity.api.openapi.components import REFUSALS
from character_identity.api.openapi.document import document
from character_identity.api.openapi.properties import MEANINGS
from character_identity.api.route import Route
from character_identity.api.routes.table import ROUTES
from character_identity.domain.errors import KINDS, ErrorCode, ReferenceCode
from character_identity.domain.event import Event, EventType
from character_identity.domain.failure import Failure
from character_identity.domain.finding import CHECKS
from character_identity.domain.score import NotScored
from character_identity.domain.view import EncoderVersion
from tests.support.builders import NOON, a_generation, a_score, an_evaluation, an_identity
from tests.support.openapi import described, operations, problems
from tests.support.waiting import HANGS_AFTER_S

ROOT = Path(__file__).parents[2]

each = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.key)


def test_it_is_openapi_3_1() -> None:
    as_sent = json.loads(json.dumps(described()))
    assert as_sent["openapi"].startswith("3.1.")
    from openapi_spec_validator import OpenAPIV31SpecValidator  # a fifth of a second, for one worker

    OpenAPIV31SpecValidator(as_sent).validate()


def test_every_schema_is_json_schema() -> None:
    for schema in described()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


FAILURE = Failure(code="interrupted", message="It was given up.")
SCORE = a_score(EncoderVersion("clip-vit-b32", "0f1e", "v1"), "0f1e", {"r": 0.5})
NOT_SCORED = NotScored(encoder="clip-vit-b32", code="black_image", reason="It is black.")


@pytest.mark.parametrize(
    "event",
    [
        Event.of_identity(an_identity(settled_at=NOON)),
        Event.of_identity(an_identity(status="failed", settled_at=NOON, error=FAILURE)),
        Event.of_erasure(an_identity(), NOON),
        Event.of_generation(a_generation(status="succeeded", settled_at=NOON)),
        Event.of_generation(a_generation(status="failed", settled_at=NOON, error=FAILURE)),
        Event.of_evaluation(an_evaluation(status="completed", settled_at=NOON)),
        Event.of_evaluation(an_evaluation(status="cancelled", settled_at=NOON, error=FAILURE)),
        Event.of_score("ann", "i1", "g1", 1, SCORE, NOON),
        Event.of_score("ann", "i1", "g1", 1, NOT_SCORED, NOON),
        Event.of_test("ann", "e1", NOON),
    ],
    ids=lambda event: event.type,
)
def test_every_event_is_described_as_it_is_posted(event: Event) -> None:
    described_ones = described()["webhooks"]
    assert described_ones.keys() == set(get_args(EventType))
    body = described_ones[event.type]["post"]["requestBody"]["content"]["application/json"]["schema"]
    assert not [*Draft202012Validator(body).iter_errors(event.message)]
    assert event.data.keys() == body["properties"]["data"]["properties"].keys()


@pytest.mark.processes
def test_it_is_the_same_in_every_process() -> None:
    code = (
        "import json\n"
        "from character_identity.api.openapi.document import document\n"
        "print(json.dumps(document()))"
    )
    path = str(ROOT / "layers/core/python")
    texts = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONPATH": path, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=HANGS_AFTER_S,
        ).stdout.strip()
        for seed in ("1", "2")
    }
    assert texts == {json.dumps(document())}


def test_it_has_every_route_once() -> None:
    assert len(operations()) == len(ROUTES)
    assert [*operations()] == [route.key for route in sorted(ROUTES, key=_place)]


def test_no_two_operations_have_one_name() -> None:
    names = [operation["operationId"] for operation in operations().values()]
    assert len(set(names)) == len(names)


@pytest.mark.processes
@each
def test_an_operation_takes_a_token_unless_its_route_is_open(route: Route[Any]) -> None:
    shown = operations()[route.key]
    if route.is_open:
        assert shown["security"] == []
    else:
        assert "security" not in shown, "what holds for all holds for it"
        assert {"401", "403"} <= shown["responses"].keys()
    assert {"404", "405", "429", "500", "503"} <= shown["responses"].keys()
    assert ("413" in shown["responses"]) == ("requestBody" in shown)


def test_a_body_is_as_large_as_lambda_takes_and_not_as_api_gateway_does() -> None:
    """Pictures in the bodies of the TypeScript client come near it, and are a third longer there."""
    page = (ROOT / "docs" / "api.md").read_text()
    assert "413 above six megabytes" in page
    assert REFUSALS[413].endswith("six megabytes")


@each
def test_an_example_is_a_body_that_is_taken(route: Route[Any]) -> None:
    if route.is_open or not (route.request or route.schema):
        return
    content = operations()[route.key]["requestBody"]["content"]["application/json"]
    assert problems(content["schema"], content["example"]) == []
    if route.request:
        route.request.model_validate(route.example)


@each
def test_every_answer_has_an_example_that_is_one(route: Route[Any]) -> None:
    for answer in operations()[route.key]["responses"].values():
        for content in answer.get("content", {}).values():
            assert problems(content["schema"], content["example"]) == []


def test_the_example_of_every_event_is_one() -> None:
    for event in described()["webhooks"].values():
        content = event["post"]["requestBody"]["content"]["application/json"]
        assert problems(content["schema"], content["example"]) == []
        assert content["example"].keys() == {"id", "type", "timestamp", "data"}


def test_every_property_is_described_with_an_example() -> None:
    """What is made of other properties has theirs, and what is a constant is its own."""
    lacking = [
        path
        for path, schema in _properties("", described())
        if not schema.get("description")
        or not ("examples" in schema or "const" in schema or _is_made_of_others(schema))
    ]
    assert lacking == []


def test_every_example_of_a_property_is_one() -> None:
    wrong = {
        path: problems(schema, example)
        for path, schema in _properties("", described())
        for example in schema.get("examples", [])
    }
    assert {path: found for path, found in wrong.items() if found} == {}


def test_no_meaning_is_left_over() -> None:
    named = {name for name, schema in described()["components"]["schemas"].items()} | {"Event"}
    used = {path.rpartition(".")[2] for path, _ in _properties("", described())}
    assert {key for key in MEANINGS if key.rpartition(".")[2] not in used} == set()
    assert {key.partition(".")[0] for key in MEANINGS if "." in key} <= named


def test_nothing_that_may_be_left_out_has_a_default_that_would_make_generated_types_ask_for_it() -> None:
    assert [path for path, schema in _properties("", described()) if "default" in schema] == []


def test_of_an_answer_everything_is_always_there_but_what_is_left_out_on_purpose() -> None:
    may_lack = {
        name: sorted({*schema["properties"]} - {*schema.get("required", [])})
        for name, schema in described()["components"]["schemas"].items()
        if name.endswith(("Response", "Summary", "Metadata", "Counts")) and name != "ErrorResponse"
    }
    assert {field for lacking in may_lack.values() for field in lacking} == {"nextCursor"}


@each
def test_an_id_in_the_path_that_is_not_the_callers_is_unknown(route: Route[Any]) -> None:
    if route.path.startswith("/v1/") and "{" in route.path:
        assert "404" in operations()[route.key]["responses"]


def test_routes_of_one_function_are_of_one_thing() -> None:
    """It has one role, with the rights that all of them need."""
    paths: dict[str, list[str]] = {}
    for route in ROUTES:
        paths.setdefault(route.function, []).append(route.path)
    for function, of_one in paths.items():
        shortest = min(of_one, key=len)
        assert all(path == shortest or path.startswith(f"{shortest}/") for path in of_one), function


def test_every_code_belongs_to_one_class_of_errors() -> None:
    assert KINDS.keys() == set(get_args(ErrorCode))
    codes = [code for kind in set(KINDS.values()) for code in kind.codes]
    assert sorted(codes) == sorted(KINDS)
    assert all(kind.default_code in KINDS for kind in KINDS.values())


def test_there_is_advice_for_all_that_keeps_references_from_being_taken_in() -> None:
    errors = {code for code, check in CHECKS.items() if check.severity == "error"}
    assert errors == set(get_args(ReferenceCode))


@pytest.mark.processes
def test_the_page_lists_what_the_table_says() -> None:
    """``make docs`` writes both tables of it."""
    done = subprocess.run(
        [sys.executable, "-m", "scripts.api_page", "--check"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT / "layers/core/python")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr


def test_every_code_is_documented() -> None:
    pages = "".join(path.read_text() for path in (ROOT / "docs").glob("*.md"))
    assert [code for code in KINDS if f"`{code}`" not in pages] == []


def _properties(path: str, part: Any) -> Iterator[tuple[str, Any]]:
    """Every property of every body, with the path to it; not those in examples, and of errors only once."""
    if isinstance(part, list):
        part = dict(enumerate(part))
    for key, below in part.items() if isinstance(part, dict) else ():
        if key == "properties" and "responses" not in path:
            yield from ((f"{path}.{name}", schema) for name, schema in below.items())
        if key not in ("example", "examples"):
            yield from _properties(f"{path}.{key}", below)


def _is_made_of_others(schema: Any) -> bool:
    choices = [schema, *schema.get("anyOf", [])]
    parts = [choice.get("items") or choice.get("additionalProperties") or choice for choice in choices]
    return any(isinstance(part, dict) and ("$ref" in part or "properties" in part) for part in parts)


def _place(route: Route[Any]) -> tuple[int, int]:
    """The document has the methods of a path together, where the path comes first."""
    paths = [each.path for each in ROUTES]
    return paths.index(route.path), ROUTES.index(route)
