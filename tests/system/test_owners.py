"""Nobody gets at what is another's, by any route that the API's own description has."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.browser import CHROMIUM, MISSING
from tests.support.openapi import described, operations, resolved, undescribed
from tests.support.waiting import HANGS_AFTER_S
from tests.system.attacker import attacking, came_through, is_allowed
from tests.system.conftest import Running
from tests.system.owned_resources import (
    ORDER_KEY,
    Owner,
    an_owner_of_a_tune,
    an_owner_of_everything,
    http_of,
    remains,
    weights_url,
)

pytestmark = pytest.mark.processes

NOBODYS = {
    "identity_id": "0" * 32,
    "generation_id": "0" * 32,
    "endpoint_id": "0" * 32,
    "endpointId": "0" * 32,
    "evaluation_id": "0" * 32,
    "event_id": f"evt_{'0' * 32}",
    "request_id": "0" * 32,
    "tune_id": "0" * 32,
    "prompt_id": "0" * 32,
}
"""An id that nobody has, for every parameter that names something of an owner's.

A parameter of a new route is to be put here, and into ``belongings``; or, if it names nothing, into OTHERS.
"""
OTHERS = {"month", "limit", "since", "cursor"}
"""A cursor names a place in a list: see below."""
VOLATILE = {"date", "apigw-requestid", "x-request-id", "content-length", "ratelimit"}

LIKE_AN_ID = re.compile(r"(id|ids|key|keys|reference|references|url|urls)$", re.IGNORECASE)
"""The names of fields of a body that may name something of an owner's."""
NAMES_NOTHING = {
    ("POST /v1/webhooks", "url"),
    ("POST /api/fal-lora-training-proxy", "images_data_url"),
    ("POST /api/astria/tunes", "image_urls"),
    ("POST /api/astria/tunes", "url"),
}
"""Fields with any link in them, of which none is an owner's."""
PLAIN = {"name": "Bob", "provider": "fal-instant"}
COMPARED = {"name": "Bob", "providers": ["fal-instant"], "variations": 1}
BODIES: dict[tuple[str, str], Callable[[str, str], Any]] = {
    ("POST /v1/references/check", "references"): lambda named, own: {"references": [named, own]},
    ("POST /v1/identities", "references"): lambda named, own: {**PLAIN, "references": [named, own]},
    ("POST /v1/identities", "mainReference"): lambda named, own: {
        **PLAIN,
        "references": [own],
        "mainReference": named,
    },
    ("POST /v1/identities/estimate", "references"): lambda named, own: {**PLAIN, "references": [named, own]},
    ("POST /v1/identities/estimate", "mainReference"): lambda named, own: {**PLAIN, "mainReference": named},
    ("POST /v1/evaluations", "references"): lambda named, own: {**COMPARED, "references": [named, own]},
    ("POST /v1/evaluations/estimate", "references"): lambda named, own: {
        **COMPARED,
        "references": [named, own],
    },
    ("POST /v1/scores", "characterId"): lambda named, own: {"images": [own], "characterId": named},
    ("POST /v1/scores", "references"): lambda named, own: {"images": [own], "references": [own, named]},
    ("POST /v1/scores", "generationId"): lambda named, own: {
        "images": [own, {"generationId": named, "imageNumber": 1}],
        "references": [own],
    },
    ("POST /api/astria-proxy", "tune_id"): lambda named, own: {
        "action": "create_prompt",
        "tune_id": named,
        "payload": {"prompt": {"text": "a portrait"}},
    },
    ("POST /api/fal-lora-inference-proxy", "lora_url"): lambda named, own: {
        "prompt": "a portrait",
        "lora_url": named,
    },
}
"""Bodies that name something in one field, beside what is the caller's own."""
FIELDS = {"characterId": "identity_id", "generationId": "generation_id"}
"""What fields of bodies name, by the parameter that names it in a path."""
NOT_DESCRIBED = "POST /api/astria-proxy"
"""Its body is one of two others inside a third, so what it names is known here only."""

ROUTES = operations()
GUARDED = [route for route, operation in ROUTES.items() if operation.get("security") != []]
OPEN = [route for route in ROUTES if route not in GUARDED]


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    text: str

    def without(self, *ids: str) -> tuple[int, dict[str, str], str]:
        """The answer, as it would be for any other ids."""
        headers = {name: value for name, value in self.headers.items() if name not in VOLATILE}
        text = self.text
        for each in ids:
            text = text.replace(each, "<id>")
        return self.status, headers, text


class Caller:
    """Calls routes of the running system; every answer must be one that is described."""

    def __init__(self, api_url: str) -> None:
        self._http = httpx.Client(base_url=api_url, timeout=HANGS_AFTER_S)

    def close(self) -> None:
        self._http.close()

    def __call__(
        self,
        route: str,
        values: Mapping[str, str],
        token: str | None,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        method, path = route.split()
        query = {}
        for parameter in _parameters(route):
            if parameter["in"] == "path":
                path = path.replace(f"{{{parameter['name']}}}", values[parameter["name"]])
            elif parameter["in"] == "query" and parameter["name"] in values:
                query[parameter["name"]] = values[parameter["name"]]
        sent = {**(headers or {}), **({} if token is None else {"Authorization": f"Bearer {token}"})}
        answer = self._http.request(
            method, path, params=query, headers=sent, json=_example(route) if body is None else body
        )
        is_json = "json" in answer.headers.get("content-type", "")
        content = answer.json() if is_json else None
        assert undescribed(route, answer.status_code, answer.headers, content) == []
        return Answer(answer.status_code, dict(answer.headers), answer.text)


def _parameters(route: str) -> list[Any]:
    return [resolved(parameter) for parameter in ROUTES[route].get("parameters", [])]


def _example(route: str) -> Any:
    """The body of the description, which every route that takes one must have."""
    body = ROUTES[route].get("requestBody")
    return body["content"]["application/json"]["example"] if body else None


def _naming(route: str) -> list[str]:
    """The parameters of a route that name something of an owner's.

    Raises:
        AssertionError: nobody has said yet what a parameter of a new route is.
    """
    named = [each["name"] for each in _parameters(route) if each["in"] in {"path", "query"}]
    plain = {each["name"] for each in _parameters(route) if "enum" in each["schema"]} | OTHERS
    unknown = set(named) - NOBODYS.keys() - plain
    assert not unknown, f"{route}: say in this test what {unknown} names"
    return [name for name in named if name in NOBODYS]


def _choices(route: str) -> Iterator[dict[str, str]]:
    """All combinations of the values of those parameters that have only a few."""
    few = {each["name"]: each["schema"]["enum"] for each in _parameters(route) if "enum" in each["schema"]}
    for values in product(*few.values()):
        yield dict(zip(few, values, strict=True))


def _attempts(route: str, ann: Owner, bob: Owner) -> Iterator[tuple[dict[str, str], dict[str, str]]]:
    """Parameters that name something of Ann's, at least one, and the same with an id of nobody's instead."""
    naming = _naming(route)
    for choice in _choices(route):
        for name in naming:
            own = {other: bob.ids[other][0] for other in naming if other != name}
            for anns in ann.ids[name]:
                yield {**choice, **own, name: anns}, {**choice, **own, name: NOBODYS[name]}
        anns_all = {name: ann.ids[name][0] for name in naming}
        yield {**choice, **anns_all}, {**choice, **{name: NOBODYS[name] for name in naming}}


NAMING = [route for route in GUARDED if re.search(r"{\w+}", route) or _naming(route)]


@pytest.fixture(scope="module")
def call(running_system: Running) -> Iterator[Caller]:
    caller = Caller(running_system.system.api_url)
    yield caller
    caller.close()


@pytest.fixture(scope="module")
def ann(running_system: Running) -> Iterator[Owner]:
    ann = an_owner_of_everything(running_system, "Ann Owner")
    yield ann
    _, training, *_ = ann.ids["identity_id"]
    with http_of(running_system, ann.token) as http:
        cancelled = http.post(f"/v1/identities/{training}/cancel").raise_for_status().json()
    assert cancelled["error"]["code"] == "cancelled", "hers to the end: she can do what nobody else could"


@pytest.fixture(scope="module")
def bob(running_system: Running) -> Owner:
    return an_owner_of_a_tune(running_system, "Bob Other")


def test_the_description_that_is_served_is_the_one_that_is_tested(call: Caller) -> None:
    served = json.loads(call("GET /openapi.json", {}, None).text)
    assert served == json.loads(json.dumps(described()))
    assert len(NAMING) > 10


@pytest.mark.parametrize("route", NAMING)
def test_an_id_of_anothers_answers_like_one_of_nobodys_and_changes_nothing(
    running_system: Running, call: Caller, ann: Owner, bob: Owner, route: str
) -> None:
    before = remains(running_system, ann)
    assert len(before) > 10
    attempts = list(_attempts(route, ann, bob))
    assert attempts
    for anns, nobodys in attempts:
        refused, unknown = call(route, anns, bob.token), call(route, nobodys, bob.token)
        assert refused.without(*anns.values()) == unknown.without(*nobodys.values())
        # The TypeScript client takes any answer to a poll of a training but 200 for the end of what was paid.
        assert refused.status == (200 if route.startswith("GET /api/") else 404)
    assert remains(running_system, ann) == before


@pytest.mark.parametrize("route", [route for route in GUARDED if route not in NAMING and "GET " in route])
def test_what_is_listed_is_the_callers_own(call: Caller, ann: Owner, bob: Owner, route: str) -> None:
    listed = call(route, {}, bob.token)
    assert listed.status == 200
    assert [each for each in ann.every_id if each in listed.text] == []
    assert ann.name not in listed.text


def test_a_cursor_of_anothers_answers_like_one_of_nobodys(call: Caller, ann: Owner, bob: Owner) -> None:
    route = "GET /v1/identities"
    anns = json.loads(call(route, {"limit": "1"}, ann.token).text)["nextCursor"]
    refused, unknown = (call(route, {"cursor": each}, bob.token) for each in (anns, "nobodys"))
    assert refused.without(anns) == unknown.without("nobodys")
    assert (refused.status, json.loads(refused.text)["code"]) == (400, "invalid_cursor")
    assert call(route, {"cursor": anns}, ann.token).status == 200


@pytest.mark.parametrize("route", GUARDED)
def test_without_a_token_or_with_a_bad_one_nobody_gets_anywhere(
    running_system: Running, call: Caller, ann: Owner, route: str
) -> None:
    before = remains(running_system, ann)
    values = {name: ann.ids[name][0] for name in _naming(route)} | next(_choices(route))
    refused = call(route, values, None)
    assert (refused.status, json.loads(refused.text)) == (401, {"message": "Unauthorized"})
    refused = call(route, values, f"{ann.token[:-8]}AAAAAAAA")
    assert (refused.status, json.loads(refused.text)) == (403, {"message": "Forbidden"})
    assert remains(running_system, ann) == before


@pytest.mark.parametrize("route", OPEN)
def test_an_open_route_asks_for_no_token(call: Caller, route: str) -> None:
    values = {each["name"]: "none" for each in _parameters(route)}
    answer = call(route, values, None, body={} if "POST" in route else None)
    assert answer.text != '{"message":"Unauthorized"}'
    assert answer.status == 200 or json.loads(answer.text)["code"] in {
        "invalid_signature",
        "unknown_callback",
    }


def _anns_and_nobodys(running: Running, field: str, ann: Owner) -> list[tuple[str, str]]:
    """Return values of Ann's that may stand in a field of a body, each with a like one that is nobody's."""
    if field in FIELDS:
        parameter = FIELDS[field]
        return [(anns, NOBODYS[parameter]) for anns in ann.ids[parameter]]
    if field == "tune_id":
        return [(ann.ids["tune_id"][0], NOBODYS["tune_id"])]
    if field == "lora_url":
        return [(weights_url(running, ann), f"{running.system.api_url}/openapi.json")]
    upload = re.sub(r"[0-9a-f]{32}\.", f"{'0' * 32}.", ann.keys[0])
    stored = [f"references/{each}/0001.jpg" for each in (ann.ids["identity_id"][0], NOBODYS["identity_id"])]
    return [(ann.keys[0], upload), (stored[0], stored[1])]


def _fields(schema: Any) -> Iterator[str]:
    """The names of all fields of a body, at whatever depth."""
    if isinstance(schema, list):
        for each in schema:
            yield from _fields(each)
    elif isinstance(schema, dict):
        schema = resolved(schema)
        yield from schema.get("properties", {})
        for each in schema.values():
            yield from _fields(each)


def test_every_field_that_may_name_something_is_tried() -> None:
    schemas = {
        route: ROUTES[route]["requestBody"]["content"]["application/json"]["schema"]
        for route in GUARDED
        if "requestBody" in ROUTES[route]
    }
    named = {(route, field) for route in schemas for field in _fields(schemas[route])}
    tried = {where for where in BODIES if where[0] != NOT_DESCRIBED}
    assert {where for where in named if LIKE_AN_ID.search(where[1])} - NAMES_NOTHING == tried
    assert {route for route, schema in schemas.items() if schema == {"type": "object"}} == {NOT_DESCRIBED}


@pytest.mark.parametrize("where", BODIES, ids=" ".join)
def test_what_is_anothers_answers_like_what_is_nobodys_in_a_body_too(
    running_system: Running, call: Caller, ann: Owner, bob: Owner, where: tuple[str, str]
) -> None:
    route, field = where
    before = remains(running_system, ann)
    for anns, nobodys in _anns_and_nobodys(running_system, field, ann):
        refused, unknown = (
            call(route, {}, bob.token, body=BODIES[where](each, bob.keys[0])) for each in (anns, nobodys)
        )
        assert refused.without(anns) == unknown.without(nobodys)
        assert "/estimate" in route or "unknown_" in refused.text
    assert remains(running_system, ann) == before


def test_an_idempotency_key_is_its_owners_own(call: Caller, ann: Owner, bob: Owner) -> None:
    route, headers = "POST /v1/identities", {"Idempotency-Key": ORDER_KEY}
    bobs = call(route, {}, bob.token, body=bob.order, headers=headers)
    assert (bobs.status, "idempotent-replayed" in bobs.headers) == (201, False)
    assert json.loads(bobs.text)["characterId"] not in ann.every_id
    anns = call(route, {}, ann.token, body=ann.order, headers=headers)
    assert (anns.status, anns.headers["idempotent-replayed"]) == (201, "true")
    assert json.loads(anns.text)["characterId"] in ann.every_id


@pytest.mark.skipif(not CHROMIUM, reason=MISSING)
def test_a_page_of_another_origin_gets_what_cors_of_the_api_allows_and_nothing_else(
    running_system: Running, tmp_path: Path
) -> None:
    paid = len(running_system.paid(""))
    with attacking(running_system.system, tmp_path / "chromium") as told:
        pass
    assert {told[f"rebinding {name}"] for name in ("api", "aws", "simulators")} == {"done"}
    got = came_through(told)
    assert {name: outcome for name, outcome in got.items() if not is_allowed(name)} == {}
    assert got, "not even what is open could be read: the page does not work"
    # What nobody answers a page may have been done all the same.
    users = running_system.aws("iam").list_users()["Users"]
    assert "eve" not in [user["UserName"] for user in users]
    objects = running_system.aws("s3").list_objects_v2(Bucket=running_system.system.bucket)
    assert "eve.txt" not in [each["Key"] for each in objects.get("Contents", [])]
    control = {
        name: running_system.providers.get(f"/control/{name}").json() for name in ("settings", "faults")
    }
    assert control["settings"]["training_s"] < 9999
    assert 599 not in [fault["status"] for fault in control["faults"]]
    assert running_system.paid("of a page") == []
    assert len(running_system.paid("")) >= paid, "it was reset"
