"""The document against the standard, the catalog, the handlers and the page that people read."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

import character_identity.compat.service  # noqa: F401  (it has errors of its own)
from character_identity.api.openapi.codes import status_of
from character_identity.api.openapi.document import OPERATIONS, document
from character_identity.api.openapi.operation import Operation
from character_identity.domain.errors import ServiceError
from infra.catalog import FUNCTIONS, Function
from tests.support.openapi import described, operations, problems
from tests.support.waiting import HANGS_AFTER_S

ROOT = Path(__file__).parents[2]
ENTRIES = {entry.route: entry for entry in FUNCTIONS if entry.route}


def entry_of(operation: Operation) -> Function:
    """The function that serves an operation."""
    return ENTRIES.get(operation.route) or ENTRIES[f"ANY {operation.path}"]


def source_of(operation: Operation) -> str:
    """The handler's code, and what it hands all of its work to."""
    handler = (ROOT / "functions" / entry_of(operation).name / "handler.py").read_text()
    if "astria_routes" in handler:
        handler += (ROOT / "layers/core/python/character_identity/compat/astria_routes.py").read_text()
    return handler


each = pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.route)


def test_it_is_openapi_3_1() -> None:
    as_sent = json.loads(json.dumps(described()))
    assert as_sent["openapi"].startswith("3.1.")
    OpenAPIV31SpecValidator(as_sent).validate()


def test_every_schema_is_json_schema() -> None:
    for schema in described()["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)


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


def test_it_has_every_route_of_the_catalog_and_no_other() -> None:
    routes = [operation.route for operation in OPERATIONS]
    assert sorted(set(routes)) == sorted(routes)
    served = {route for route in routes if route in ENTRIES}
    served |= {f"ANY {route.split()[1]}" for route in routes if route not in ENTRIES}
    assert served == ENTRIES.keys()


@each
def test_an_operation_is_named_like_its_function(operation: Operation) -> None:
    assert operation.name in {entry_of(operation).name, f"{entry_of(operation).name}_status"}


def test_no_two_operations_have_one_name() -> None:
    names = [operation["operationId"] for operation in operations().values()]
    assert len(set(names)) == len(names)


@pytest.mark.processes
@each
def test_an_operation_takes_a_token_unless_its_route_is_open(operation: Operation) -> None:
    from infra.api import OPEN_PATHS  # it loads the CDK, which starts Node

    assert operation.is_open is operation.path.startswith(OPEN_PATHS)
    shown = operations()[operation.route]
    if operation.is_open:
        assert shown["security"] == []
    else:
        assert "security" not in shown, "what holds for all holds for it"
        assert {"401", "403"} <= shown["responses"].keys()


@each
def test_an_operation_takes_what_its_handler_reads(operation: Operation) -> None:
    source = source_of(operation)
    entry = entry_of(operation)
    takes_orders = operation.method != "GET"
    if operation.errors == "ours":
        assert operation.is_keyed is ("idempotency_key(" in source)
        assert operation.accepts_prefer_wait is ("granted_wait_s(" in source)
        read = re.findall(r"parse_body\(app, (\w+)\)", source)
        assert read == ([operation.request.__name__] if isinstance(operation.request, type) else [])
    else:
        assert operation.accepts_prefer_wait is (not takes_orders)
    assert operation.is_limited is ((entry.limited or entry.spends) and takes_orders)
    read_queries = re.findall(r"query_string_parameters or {}\)\.get\(\"(\w+)\"", source)
    assert {query.name for query in operation.query} >= set(read_queries)


@each
def test_an_example_is_a_body_that_is_taken(operation: Operation) -> None:
    if operation.request is None or operation.is_open:
        return
    content = operations()[operation.route]["requestBody"]["content"]["application/json"]
    assert problems(content["schema"], content["example"]) == []
    if isinstance(operation.request, type):
        operation.request.model_validate(operation.example)


@each
def test_an_id_in_the_path_that_is_not_the_callers_is_unknown(operation: Operation) -> None:
    if operation.path.startswith("/v1/") and "{" in operation.path:
        assert "404" in operations()[operation.route]["responses"]


def codes_of_the_page() -> set[tuple[int, str]]:
    """Status and code, as docs/api.md lists them."""
    page = (ROOT / "docs" / "api.md").read_text()
    rows = re.findall(r"^\| (\d{3}) \| (.*) \|$", page, flags=re.MULTILINE)
    return {(int(status), code) for status, text in rows for code in re.findall(r"`([a-z_]+)`", text)}


def test_the_page_and_the_document_list_the_same_codes() -> None:
    listed = {(status_of(code), code) for operation in OPERATIONS for code in operation.all_codes}
    assert listed == codes_of_the_page()


def test_a_code_comes_with_the_status_of_the_error_that_has_it() -> None:
    kinds: list[type[ServiceError]] = [ServiceError, *_kinds_of(ServiceError)]
    classes = {error.__name__: error for error in kinds}
    raised = {(error.status, error.default_code) for error in classes.values()}
    for path in (ROOT / "layers/core/python/character_identity").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in classes:
                codes = [each.value for each in node.keywords if each.arg == "code"]
                raised |= {
                    (classes[node.func.id].status, code.value)
                    for code in codes
                    if isinstance(code, ast.Constant) and isinstance(code.value, str)
                }
    listed = {code for operation in OPERATIONS for code in operation.all_codes}
    assert len(raised) > 30
    assert [(status, code) for status, code in raised if code in listed and status_of(code) != status] == []


def _kinds_of(error: type[ServiceError]) -> Iterator[type[ServiceError]]:
    for kind in error.__subclasses__():
        yield kind
        yield from _kinds_of(kind)
