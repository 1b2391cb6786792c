"""The API of evaluations: bodies, refusals, owners, and results with links."""

import json
from importlib import import_module
from typing import Any

import boto3
import pytest

from character_identity import wiring
from character_identity.domain.evaluation import RESULTS, Cell, CellOutcome
from character_identity.domain.links import LONGEST_URL
from tests.support.builders import (
    NO_LIMIT,
    NOON,
    an_evaluation,
    an_evaluation_job,
    an_identity,
    different_images,
)
from tests.support.handlers import Answer, Api, Context, api_event
from tests.support.memory_tables import Tables
from tests.support.refusal import Refusal

PATH = "/v1/evaluations"
BEACH = {"name": "beach", "prompt": "{name} on a beach"}
LIMIT = 1_000_000_000


def body(api: Api, **changes: Any) -> dict[str, Any]:
    usual = {"name": "Sarah", "className": "woman", "providers": ["fal-instant"], "variations": 1}
    references = [] if "references" in changes else [api.uploaded(each) for each in different_images(2)]
    return {**usual, "references": references, **changes}


def create(api: Api, body: dict[str, Any], **more: Any) -> Answer:
    return api("create_evaluation", "POST", PATH, body, **more)


def test_one_is_accepted_read_listed_and_cancelled_by_its_owner_only(api: Api) -> None:
    created = create(api, body(api))
    evaluation_id = created.body["evaluationId"]
    assert (created.status, created.headers["Location"]) == (202, f"{PATH}/{evaluation_id}")
    assert created.body["counts"]["cells"] == {"total": 5, "done": 0, "failed": 0}
    path = f"{PATH}/{evaluation_id}"
    read = api("get_evaluation", "GET", path)
    known = {"if-none-match": read.headers["ETag"]}
    assert api("get_evaluation", "GET", path, headers=known).status == 304
    assert (read.status, read.body) == (200, created.body)
    assert (read.body["status"], read.body["links"], read.body["costUsd"]) == ("running", None, 0)
    listed = api("list_evaluations", "GET", PATH, query={"status": "running"}).body["evaluations"]
    assert [each["evaluationId"] for each in listed] == [evaluation_id]
    for function, method, place in (
        ("get_evaluation", "GET", path),
        ("cancel_evaluation", "POST", f"{path}/cancel"),
        ("get_evaluation_result", "GET", f"{path}/results.csv"),
    ):
        foreign = api(function, method, place, owner="bob")
        assert (foreign.status, foreign.body["code"]) == (404, "unknown_evaluation")
    assert api("list_evaluations", "GET", PATH, owner="bob").body["evaluations"] == []
    assert api("cancel_evaluation", "POST", f"{path}/cancel").body["status"] == "cancelling"


@pytest.mark.parametrize("refuses", ["Query", "GetItem"])
def test_one_that_is_accepted_is_told_though_aws_refuses_what_follows(
    api: Api, refuses: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its money is set aside: who hears of a failure orders all of it once more."""
    answer_of, asked = Tables.answer, body(api)
    done: list[str] = []

    def answered(tables: Tables, operation: str, request: Any) -> Any:
        if operation == refuses and "TransactWriteItems" in done:
            raise Refusal("AccessDeniedException", "not now")
        done.append(operation)
        return answer_of(tables, operation, request)

    monkeypatch.setattr(Tables, "answer", answered)
    created = create(api, asked)
    assert (created.status, created.body["status"]) == (202, "running")
    assert created.body["counts"]["cells"] == {"total": 5, "done": 0, "failed": 0}


def test_the_character_is_what_its_identity_says_unless_told_otherwise(api: Api) -> None:
    """An identity that is made beside it is trained as that: a cat is no person."""
    identity = an_identity(provider="fal-instant", name="Chelsea", class_name="cat", status="ready")
    wiring.services().identity_table.add(identity)
    asked = body(api, name=None, identities={"fal-instant": "i1"}, variations=1)
    for changes, expected in (({}, "cat"), ({"className": None}, "cat"), ({"className": "dog"}, "dog")):
        made = create(api, {name: each for name, each in asked.items() if name != "className"} | changes)
        assert (made.status, made.body["name"], made.body["className"]) == (202, "Chelsea", expected)
    assert create(api, {**body(api), "className": None}).body["className"] == "person"


def test_a_key_leads_to_one_evaluation(api: Api) -> None:
    key, asked = {"Idempotency-Key": "one"}, body(api)
    first, again = create(api, asked, headers=key), create(api, asked, headers=key)
    assert first.body["evaluationId"] == again.body["evaluationId"]
    assert again.headers["Idempotent-Replayed"] == "true"
    assert create(api, {**asked, "seed": 1}, headers=key).body["code"] == "idempotency_key_reused"


def test_an_estimate_orders_nothing_and_looks_at_no_reference(api: Api) -> None:
    asked = {"name": "Sarah", "references": ["uploads/none.jpg"], "maxCostUsd": 1}
    estimate = api("estimate_evaluation", "POST", f"{PATH}/estimate", asked)
    assert estimate.status == 200
    assert (estimate.body["cells"], estimate.body["images"]) == (35, 50)
    assert estimate.body["wouldExceed"] == "maxCostUsd"
    assert [each["estimateUsd"] is None for each in estimate.body["byProvider"]] == [False, False, True]
    assert api("list_evaluations", "GET", PATH).body["evaluations"] == []


def test_nobody_is_compared_by_default_who_lacks_a_key(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    boto3.client("secretsmanager").create_secret(Name="FAL", SecretString="a key")
    monkeypatch.setenv("FAL_SECRET_NAME", "FAL")
    asked = {"name": "Sarah", "references": ["uploads/none.jpg"]}
    estimate = api("estimate_evaluation", "POST", f"{PATH}/estimate", asked)
    assert [each["provider"] for each in estimate.body["byProvider"]] == ["fal-instant", "fal-lora"]


def test_a_link_may_be_as_long_as_everywhere_else(api: Api) -> None:
    """One that was signed with the token of a session has some thousand letters."""
    link = "https://b.s3.test/a.jpg?X-Amz-Security-Token="
    for length, status in ((LONGEST_URL, 200), (LONGEST_URL + 1, 400)):
        asked = {"name": "Sarah", "references": [link.ljust(length, "x")]}
        assert api("estimate_evaluation", "POST", f"{PATH}/estimate", asked).status == status


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scenarios": []}, "scenarios"),
        ({"scenarios": [BEACH, BEACH]}, "scenarios"),
        ({"scenarios": [{**BEACH, "name": "On a beach"}]}, "scenarios.0.name"),
        ({"scenarios": [{**BEACH, "prompt": "Sarah on a beach"}]}, "scenarios.0.prompt"),
        ({"scenarios": [{**BEACH, "prompt": "{name}" + "x" * 1000}]}, "scenarios.0.prompt"),
        ({"scenarios": [{**BEACH, "prompt": "{name}\x00"}]}, "scenarios.0.prompt"),
        ({"scenarios": [{**BEACH, "title": "\x1b[31m"}]}, "scenarios.0.title"),
        ({"scenarios": [{**BEACH, "threshold": 1.01}]}, "scenarios.0.threshold"),
        ({"scenarios": [{**BEACH, "threshold": -1.01}]}, "scenarios.0.threshold"),
        ({"scenarios": [{**BEACH, "aspectRatio": "7:1"}]}, "scenarios.0.aspectRatio"),
        ({"scenarioSet": "../secret"}, "scenarioSet"),
        ({"scenarios": [{**BEACH, "title": "  "}]}, "scenarios.0.title"),
        ({"providers": ["fal-lora", "fal-lora"]}, "providers"),
        ({"variations": 0}, "variations"),
        ({"variations": 9}, "variations"),
        ({"seed": -1}, "seed"),
        ({"maxCostUsd": -1}, "maxCostUsd"),
        ({"identities": {"fal-lora": "no id!"}}, "identities.fal-lora"),
        ({"references": ["x"] * 101}, "references"),
        ({"surprise": 1}, "surprise"),
    ],
    ids=lambda value: json.dumps(value)[:40] if isinstance(value, dict) else value or "body",
)
def test_a_body_that_cannot_be_used_is_refused_by_field(
    api: Api, changes: dict[str, Any], field: str
) -> None:
    asked = {"name": "Sarah", "references": ["uploads/1.jpg"], **changes}
    refused = create(api, asked)
    assert (refused.status, refused.body["code"]) == (400, "invalid_body")
    assert [each["field"] for each in refused.body["details"]] == [field]


def test_what_is_too_dear_or_unknown_is_refused_by_code(api: Api) -> None:
    asked = body(api)
    too_dear = create(api, {**asked, "maxCostUsd": 0.5})
    assert (too_dear.status, too_dear.body["code"]) == (400, "max_cost_too_low")
    assert too_dear.body["details"] == {"ceilingUsd": 1.0, "maxCostUsd": 0.5}
    unknown = create(api, {**asked, "providers": ["dall-e"]})
    assert (unknown.status, unknown.body["code"]) == (400, "unknown_provider")
    elsewhere = {"references": asked["references"], "providers": [], "identities": {"dall-e": "i1"}}
    assert create(api, {**asked, **elsewhere}).body["code"] == "unknown_provider"
    long = {**BEACH, "prompt": "{name} " * 120}
    too_long = create(api, {**asked, "scenarios": [long], "name": "N" * 60})
    assert (too_long.status, too_long.body["code"]) == (400, "invalid_body")
    assert too_long.body["detail"].startswith("With the name in it the prompt of beach is too long")
    nobodys = create(api, {**asked, "identities": {"fal-lora": "nobodys"}})
    assert (nobodys.status, nobodys.body["code"]) == (404, "unknown_identity")
    over = {"providers": ["astria"], "variations": 8, "scenarioSet": "extended"}
    assert create(api, {**asked, **over, "references": asked["references"]}).status == 400
    assert api("list_evaluations", "GET", PATH).body["evaluations"] == []


def test_a_month_that_has_not_got_it_refuses(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = body(api)
    monkeypatch.setenv("MONTHLY_BUDGET_USD", "0.5")
    wiring.services.cache_clear()
    refused = create(api, asked)
    assert (refused.status, refused.body["code"]) == (402, "budget_exceeded")


def test_results_have_links_that_work_and_a_policy(api: Api) -> None:
    files = {
        "results.csv": b"provider\n",
        "gallery.html": b'<img src="images/fal-lora/a-1.jpg"><p>"images/fal-lora/b-1.jpg"',
        "pictures.json": b'{"images/fal-lora/a-1.jpg": "generations/i2/g1/01.jpg"}',
    }
    _completed(api, files)
    rows = _result("results.csv")
    assert (rows["statusCode"], rows["headers"]["Content-Type"], rows["body"]) == (
        200,
        RESULTS["results.csv"],
        "provider\n",
    )
    assert rows["headers"]["Cache-Control"] == "no-store"
    gallery = _result("gallery.html")
    assert "default-src 'none'" in gallery["headers"]["Content-Security-Policy"]
    assert gallery["headers"]["X-Content-Type-Options"] == "nosniff"
    assert '<img src="https://' in gallery["body"]
    assert "&amp;X-Amz-Signature=" in gallery["body"]
    assert '"images/fal-lora/b-1.jpg"' in gallery["body"]
    (link,) = json.loads(_result("pictures.json")["body"]).values()
    assert "generations/i2/g1/01.jpg" in link and "X-Amz-Signature=" in link


def test_a_result_that_is_too_large_for_an_answer_lies_elsewhere(api: Api) -> None:
    page = b'<img src="images/fal-lora/a-1.jpg">' + b"x" * 5_000_000
    pictures = b'{"images/fal-lora/a-1.jpg": "generations/i2/g1/01.jpg"}'
    quotes = b'"' * 2_500_000  # in JSON, which Lambda counts, each is two
    _completed(api, {"gallery.html": page, "pictures.json": pictures, "results.csv": quotes})
    for file, key in (("gallery.html", "evaluations/e1/linked/gallery.html"), ("results.csv", "results.csv")):
        answer = _result(file)
        assert (answer["statusCode"], answer["body"]) == (303, "")
        assert key in answer["headers"]["Location"]
    linked = api.bucket.Object("evaluations/e1/linked/gallery.html").get()["Body"].read()
    assert linked.startswith(b'<img src="https://')


def test_what_is_not_there_says_why(api: Api) -> None:
    wiring.services().evaluation_table.add(an_evaluation(), an_evaluation_job(), LIMIT, NO_LIMIT)
    assert json.loads(_result("results.csv")["body"])["code"] == "evaluation_not_completed"
    assert json.loads(_result("order.json")["body"])["code"] == "unknown_result"
    assert json.loads(_result("report.html", "nobodys")["body"])["code"] == "unknown_evaluation"


def test_progress_counts_what_there_is(api: Api) -> None:
    services = wiring.services()
    services.identity_table.add(an_identity(identity_id="i2", cost_usd=2.0, settled_at=NOON))
    evaluation = an_evaluation(made=["fal-lora"])
    services.evaluation_table.add(evaluation, an_evaluation_job(), LIMIT, NO_LIMIT)
    services.evaluation_table.advance("e1", "pictures", NOON)
    read = api("get_evaluation", "GET", f"{PATH}/e1").body
    assert read["counts"]["identities"] == {"total": 2, "done": 1, "failed": 0}
    assert (read["costUsd"], read["ceilingUsd"], read["progress"]) == (2.0, 4.0, 30)


def test_what_its_owner_erased_is_counted_as_no_failure_and_was_paid(api: Api) -> None:
    table = wiring.services().evaluation_table
    table.add(an_evaluation(), an_evaluation_job(), LIMIT, NO_LIMIT)
    for provider in ("fal-instant", "fal-lora"):
        cell = Cell(provider=provider, scenario="beach", variation=1, images=1)
        table.put_cell("e1", CellOutcome(cell=cell, generation_id=provider, pictures=1, cost_usd=0.1))
    table.without_generation("e1", "fal-lora")
    read = api("get_evaluation", "GET", f"{PATH}/e1").body
    assert read["counts"]["cells"] == {"total": 2, "done": 1, "failed": 0}
    assert (read["counts"]["images"]["done"], read["counts"]["images"]["failed"]) == (1, 0)
    assert read["costUsd"] == 0.2


def _completed(api: Api, files: dict[str, bytes]) -> None:
    done = an_evaluation(status="completed", phase="report", settled_at=NOON)
    wiring.services().evaluation_table.add(done, an_evaluation_job(), LIMIT, NO_LIMIT)
    for name, content in files.items():
        api.bucket.put_object(Key=f"evaluations/e1/{name}", Body=content)


def _result(file: str, evaluation_id: str = "e1") -> Any:
    """As it is answered: most results are no JSON."""
    event = api_event("GET", f"{PATH}/{evaluation_id}/{file}", owner="ann")
    return import_module("functions.get_evaluation_result.handler").lambda_handler(event, Context())
