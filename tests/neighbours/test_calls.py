"""Calls that the OpenAPI document describes or refuses: each gets an answer that it describes."""

import base64
import json
from collections.abc import Iterator
from importlib import import_module
from typing import Any
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from character_identity.api.route import Route
from character_identity.api.routes.table import ROUTES
from tests.corpora.system import System
from tests.functions.conftest import shipped_encoder as shipped_encoder
from tests.functions.conftest import tiny_encoder as tiny_encoder
from tests.neighbours.tally import Tally
from tests.support.builders import NO_LIMIT, NOON, a_generation, a_generation_job, an_identity
from tests.support.fakes import Clock
from tests.support.handlers import Answer, Context, answer_of, api_event
from tests.support.openapi import described, undescribed

WHOLE = 10_000
ENOUGH = 100_000_000
KNOWN = {"identity_id": "i1", "generation_id": "g1", "tune_id": "i1", "prompt_id": "g1"}
"""Ids of what there is; any other is one that nobody has."""
BY_KEY = {route.key: route for route in ROUTES if not route.is_open}


def operations() -> Iterator[Any]:
    """The operations that callers have; providers' callbacks and the documents have tests of their own."""
    import schemathesis  # half a second of loading, which each worker would spend on this file

    schema: Any = schemathesis.openapi.from_dict(described())
    found = (each.ok() for each in schema.get_all_operations())
    return (operation for operation in found if operation.label in BY_KEY)


def called(route: Route[Any], case: Any, is_known: bool) -> Answer:
    """Make a call as API Gateway would hand it on."""
    from schemathesis.core import NOT_SET

    headers = {name: str(text) for name, text in (case.headers or {}).items()}
    query = {name: _text(value) for name, value in (case.query or {}).items()}
    ids = {name: unquote(str(text)) for name, text in (case.path_parameters or {}).items()}
    event = api_event(route.method, route.path, owner="ann", headers=headers, query=query)
    event["pathParameters"] = {
        name: KNOWN.get(name, text) if is_known else text for name, text in ids.items()
    }
    if isinstance(case.body, bytes):
        event |= {"body": base64.b64encode(case.body).decode(), "isBase64Encoded": True}
    elif case.body is not NOT_SET:
        event["body"] = json.dumps(case.body)
    handler = import_module(f"functions.{route.function}.handler")
    return answer_of(handler.lambda_handler(event, Context()))


def _text(value: Any) -> str:
    """A parameter of the query; of several of one name API Gateway makes one, with commas."""
    return ",".join(map(_text, value)) if isinstance(value, list) else str(value)


@pytest.mark.usefixtures("shipped_encoder")
def test_every_call_gets_an_answer_that_is_described(tally: Tally) -> None:
    from schemathesis import GenerationMode

    tried = [(operation, mode) for operation in operations() for mode in GenerationMode]
    each = -(-min(WHOLE, tally.limit) // len(tried))  # of each as many
    with System.open() as system:
        clock = Clock()
        system.services.now, system.services.sleep = clock, lambda s: clock.pass_by(seconds=s)
        system.services.identity_table.add(an_identity(settled_at=NOON))
        system.services.generation_table.add(a_generation(), a_generation_job(), ENOUGH, NO_LIMIT)
        system.remember()
        for operation, mode in tried:
            try_some(system, tally, operation, mode, each)


def try_some(system: System, tally: Tally, operation: Any, mode: Any, number: int) -> None:
    """Make so many calls of an operation, as it is described or as it is not."""
    route = BY_KEY[operation.label]

    @settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), is_known=st.booleans())
    def call(case: Any, is_known: bool) -> None:
        system.put_back()
        answer = called(route, case, is_known)
        assert answer.status < 500, answer
        assert undescribed(route.key, answer.status, answer.headers, answer.body) == []
        system.check_network(route.key)
        tally.outcomes[f"{answer.status} {_code(answer)}"] += 1

    call()


def _code(answer: Answer) -> str:
    return str(answer.body.get("code", "")) if isinstance(answer.body, dict) else ""
